//! The value types: what can stand behind a key.
//!
//! Owns: the three views of a value.   Uses: base.   Never: what a key is, a client, a reply.
//!
//! A value type is one variant in each enum here; the compiler lists the rest, because nobody writes
//! `_ =>` over them.

pub mod field;
pub mod hyperloglog;
pub mod int_set;
pub mod limits;
pub mod map;
pub mod ordered;
pub mod packed;
pub mod set;
pub mod small;
pub mod text;

pub use text::{Text, TextMut, TextRef};

/// The types of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Bytes, or a number kept as such.
    String,
}

impl Type {
    /// Every type, in the order of its number.
    pub const ALL: [Type; 1] = [Type::String];

    /// The name TYPE answers.
    pub fn name(self) -> &'static str {
        match self {
            Type::String => "string",
        }
    }
}

/// A value that somebody owns: on its way into an entry or out of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A string.
    Text(Text),
}

/// A value as it stands in an entry, for reading.
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'a> {
    /// A string.
    Text(TextRef<'a>),
}

/// A value as it stands in an entry, for changes that keep the entry's size.
#[derive(Debug)]
pub enum ValueMut<'a> {
    /// A string.
    Text(TextMut<'a>),
}

/// A new value for an entry, borrowed where that saves a copy.
#[derive(Debug)]
pub enum Put<'a> {
    /// A string.
    Text(PutText<'a>),
}

/// A new string for an entry.
#[derive(Debug)]
pub enum PutText<'a> {
    /// A number, kept as such.
    Int(i64),
    /// Bytes, copied into the entry, or into a blob of their own when they are long.
    Bytes(&'a [u8]),
    /// Bytes that already have an allocation of their own.
    Blob(crate::base::blob::Blob),
}

impl ValueRef<'_> {
    /// Its type.
    #[inline]
    pub fn kind(self) -> Type {
        match self {
            ValueRef::Text(_) => Type::String,
        }
    }

    /// Bytes that it holds outside its entry, as the allocator gives them. O(1).
    #[inline]
    pub fn heap(self) -> usize {
        match self {
            ValueRef::Text(text) => text.heap(),
        }
    }

    /// The name OBJECT ENCODING answers.
    pub fn encoding(self) -> &'static str {
        match self {
            ValueRef::Text(text) => text.encoding(),
        }
    }

    /// A value of the same contents that stands on its own.
    pub fn to_owned(self) -> Value {
        match self {
            ValueRef::Text(text) => Value::Text(text.to_owned()),
        }
    }
}

impl ValueMut<'_> {
    /// Takes the value out and leaves an empty one, or a number, of the same size in the entry.
    pub fn take(self) -> Value {
        match self {
            ValueMut::Text(text) => Value::Text(text.take()),
        }
    }
}

impl Value {
    /// The same value, borrowed.
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Text(Text::Int(number)) => ValueRef::Text(TextRef::Int(*number)),
            Value::Text(Text::Bytes(blob)) => ValueRef::Text(TextRef::Blob(blob)),
        }
    }
}

impl From<Value> for Put<'_> {
    fn from(value: Value) -> Self {
        match value {
            Value::Text(Text::Int(number)) => Put::Text(PutText::Int(number)),
            Value::Text(Text::Bytes(blob)) => Put::Text(PutText::Blob(blob)),
        }
    }
}
