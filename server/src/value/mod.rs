//! The value types: what can stand behind a key.
//!
//! Owns: the views of a value.   Uses: base.   Never: what a key is, a client, a reply.
//!
//! A value type is one variant in each enum here; the compiler lists the rest, because nobody writes
//! `_ =>` over them.

pub mod deadlines;
pub mod field;
pub mod hash;
pub mod hyperloglog;
pub mod int_set;
pub mod limits;
pub mod list;
pub mod map;
pub mod ordered;
pub mod packed;
pub mod set;
pub mod small;
pub mod sorted_set;
pub mod stream;
pub mod text;

pub use hash::{Hash, HashRef, LargeHash};
pub use list::{List, ListRef, Side};
pub use set::{LargeSet, Set, SetRef};
pub use sorted_set::{LargeSortedSet, SortedSet, SortedSetRef};
pub use stream::Stream;
pub use text::{Text, TextMut, TextRef};

use int_set::IntSetRef;
use list::chain::Chain;
use small::SmallRef;

/// The types of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Bytes, or a number kept as such.
    String,
    /// Texts in an order.
    List,
    /// Texts, each at most once.
    Set,
    /// Texts with scores, each at most once.
    SortedSet,
    /// Names with values.
    Hash,
    /// Entries in the order of their ids.
    Stream,
}

impl Type {
    /// Every type, in the order of its number.
    pub const ALL: [Type; 6] =
        [Type::String, Type::List, Type::Set, Type::SortedSet, Type::Hash, Type::Stream];

    /// The name TYPE answers.
    pub fn name(self) -> &'static str {
        match self {
            Type::String => "string",
            Type::Set => "set",
            Type::List => "list",
            Type::SortedSet => "zset",
            Type::Hash => "hash",
            Type::Stream => "stream",
        }
    }
}

/// A value that somebody owns: on its way into an entry or out of one.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A string.
    Text(Text),
    /// A set.
    Set(Set),
    /// A list.
    List(List),
    /// A sorted set.
    SortedSet(SortedSet),
    /// A hash.
    Hash(Hash),
    /// A stream.
    Stream(Box<Stream>),
}

/// A value as it stands in an entry, for reading.
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'a> {
    /// A string.
    Text(TextRef<'a>),
    /// A set.
    Set(SetRef<'a>),
    /// A list.
    List(ListRef<'a>),
    /// A sorted set.
    SortedSet(SortedSetRef<'a>),
    /// A hash.
    Hash(HashRef<'a>),
    /// A stream.
    Stream(&'a Stream),
}

/// A value whose elements stand outside of its entry, which has nothing but this.
#[derive(Clone, Debug)]
pub enum Large {
    /// A set.
    Set(Box<LargeSet>),
    /// A list.
    List(Box<Chain>),
    /// A sorted set.
    SortedSet(Box<LargeSortedSet>),
    /// A hash.
    Hash(Box<LargeHash>),
    /// A stream.
    Stream(Box<Stream>),
}

/// What bytes are that stand inside an entry and are no string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Form {
    /// A set of numbers.
    Ints,
    /// A small set.
    Set,
    /// A small list.
    List,
    /// A small sorted set.
    SortedSet,
    /// A small hash.
    Hash,
}

impl Form {
    /// Every form, in the order of its number.
    pub const ALL: [Form; 5] = [Form::Ints, Form::Set, Form::List, Form::SortedSet, Form::Hash];
}

/// A new value for an entry, borrowed where that saves a copy.
#[derive(Debug)]
pub enum Put<'a> {
    /// A string.
    Text(PutText<'a>),
    /// Bytes for the entry, at most 4095; and whether they are marked: a small collection that is shown as a large one.
    Packed(Form, &'a [u8], bool),
    /// Something that stands outside.
    Large(Large),
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

impl Put<'_> {
    /// The value, to be read.
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Put::Text(PutText::Int(number)) => ValueRef::Text(TextRef::Int(*number)),
            Put::Text(PutText::Bytes(bytes)) => ValueRef::Text(TextRef::Bytes(bytes)),
            Put::Text(PutText::Blob(blob)) => ValueRef::Text(TextRef::Blob(blob)),
            Put::Packed(form, bytes, marked) => ValueRef::of_packed(*form, bytes, *marked),
            Put::Large(large) => ValueRef::of_large(large),
        }
    }
}

/// A type of values with elements.
pub trait Collection: Sized {
    /// How it is read where it stands.
    type Ref<'a>: View<'a>;
    /// The value, if it is one of this type.
    fn of(value: Value) -> Option<Self>;
    /// As a value.
    fn into_value(self) -> Value;
    /// Whether it has no element: then its key goes. A stream's stays.
    fn is_nothing(&self) -> bool;
}

/// A value of a type, for reading.
pub trait View<'a>: Copy {
    /// The value, if it is one of this type.
    fn of(value: ValueRef<'a>) -> Option<Self>;
}

/// A type of values with elements, and how it is read where it stands.
macro_rules! collections {
    ($($variant:ident: $owned:ty, $view:ty, $is_nothing:expr;)*) => {$(
        impl Collection for $owned {
            type Ref<'a> = $view;

            #[inline]
            fn of(value: Value) -> Option<$owned> {
                if let Value::$variant(value) = value { Some(value) } else { None }
            }

            #[inline]
            fn into_value(self) -> Value {
                Value::$variant(self)
            }

            #[inline]
            fn is_nothing(&self) -> bool {
                $is_nothing(self)
            }
        }

        impl<'a> View<'a> for $view {
            #[inline]
            fn of(value: ValueRef<'a>) -> Option<$view> {
                if let ValueRef::$variant(value) = value { Some(value) } else { None }
            }
        }
    )*};
}

collections! {
    List: List, ListRef<'a>, |list: &List| list.as_ref().len() == 0;
    Set: Set, SetRef<'a>, |set: &Set| set.as_ref().len() == 0;
    SortedSet: SortedSet, SortedSetRef<'a>, |set: &SortedSet| set.as_ref().len() == 0;
    Hash: Hash, HashRef<'a>, |hash: &Hash| hash.as_ref().len() == 0;
    Stream: Box<Stream>, &'a Stream, |_: &Stream| false;
}

impl<'a> View<'a> for TextRef<'a> {
    #[inline]
    fn of(value: ValueRef<'a>) -> Option<TextRef<'a>> {
        if let ValueRef::Text(text) = value { Some(text) } else { None }
    }
}

impl<'a> ValueRef<'a> {
    /// What packed bytes in an entry are; see [`Put::Packed`].
    #[inline]
    pub fn of_packed(form: Form, bytes: &'a [u8], marked: bool) -> ValueRef<'a> {
        match form {
            Form::Ints => ValueRef::Set(SetRef::Ints(IntSetRef::of(bytes))),
            Form::Set => ValueRef::Set(SetRef::Small(SmallRef::of(bytes, marked))),
            Form::List => ValueRef::List(ListRef::Small(SmallRef::of(bytes, marked))),
            Form::SortedSet => {
                ValueRef::SortedSet(SortedSetRef::Small(SmallRef::of(bytes, marked)))
            }
            Form::Hash => ValueRef::Hash(HashRef::Small(SmallRef::of(bytes, marked))),
        }
    }

    /// What stands outside of an entry.
    #[inline]
    pub fn of_large(large: &'a Large) -> ValueRef<'a> {
        match large {
            Large::Set(set) => ValueRef::Set(SetRef::Large(set)),
            Large::List(list) => ValueRef::List(ListRef::Large(list)),
            Large::SortedSet(set) => ValueRef::SortedSet(SortedSetRef::Large(set)),
            Large::Hash(hash) => ValueRef::Hash(HashRef::Large(hash)),
            Large::Stream(stream) => ValueRef::Stream(stream),
        }
    }

    /// Whether its elements stand outside of its entry.
    #[inline]
    pub fn is_large(self) -> bool {
        match self {
            ValueRef::Text(_) => false,
            ValueRef::Set(set) => matches!(set, SetRef::Large(_)),
            ValueRef::List(list) => matches!(list, ListRef::Large(_)),
            ValueRef::SortedSet(set) => matches!(set, SortedSetRef::Large(_)),
            ValueRef::Hash(hash) => matches!(hash, HashRef::Large(_)),
            ValueRef::Stream(_) => true,
        }
    }

    /// Its type.
    #[inline]
    pub fn kind(self) -> Type {
        match self {
            ValueRef::Text(_) => Type::String,
            ValueRef::Set(_) => Type::Set,
            ValueRef::List(_) => Type::List,
            ValueRef::SortedSet(_) => Type::SortedSet,
            ValueRef::Hash(_) => Type::Hash,
            ValueRef::Stream(_) => Type::Stream,
        }
    }

    /// Bytes that it holds outside its entry, as the allocator gives them. O(1).
    #[inline]
    pub fn heap(self) -> usize {
        match self {
            ValueRef::Text(text) => text.heap(),
            ValueRef::Set(set) => set.heap(),
            ValueRef::List(list) => list.heap(),
            ValueRef::SortedSet(set) => set.heap(),
            ValueRef::Hash(hash) => hash.heap(),
            ValueRef::Stream(stream) => stream.heap(),
        }
    }

    /// The first time that is over for one of its elements, in Unix milliseconds; most types give their elements none.
    #[inline]
    pub fn soonest_deadline(self) -> Option<i64> {
        match self {
            ValueRef::Text(_)
            | ValueRef::List(_)
            | ValueRef::Set(_)
            | ValueRef::SortedSet(_)
            | ValueRef::Stream(_) => None,
            ValueRef::Hash(hash) => hash.soonest_deadline(),
        }
    }

    /// The name OBJECT ENCODING answers.
    pub fn encoding(self) -> &'static str {
        match self {
            ValueRef::Text(text) => text.encoding(),
            ValueRef::Set(set) => set.encoding(),
            ValueRef::List(list) => list.encoding(),
            ValueRef::SortedSet(set) => set.encoding(),
            ValueRef::Hash(hash) => hash.encoding(),
            ValueRef::Stream(stream) => stream.encoding(),
        }
    }

    /// A value of the same contents that stands on its own. O(n) for one of n elements.
    pub fn to_owned(self) -> Value {
        match self {
            ValueRef::Text(text) => Value::Text(text.to_owned()),
            ValueRef::Set(set) => Value::Set(set.to_owned()),
            ValueRef::List(list) => Value::List(list.to_owned()),
            ValueRef::SortedSet(set) => Value::SortedSet(set.to_owned()),
            ValueRef::Hash(hash) => Value::Hash(hash.to_owned()),
            ValueRef::Stream(stream) => Value::Stream(Box::new(stream.clone())),
        }
    }
}

impl Value {
    /// The same value, borrowed.
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Text(Text::Int(number)) => ValueRef::Text(TextRef::Int(*number)),
            Value::Text(Text::Bytes(blob)) => ValueRef::Text(TextRef::Blob(blob)),
            Value::Set(set) => ValueRef::Set(set.as_ref()),
            Value::List(list) => ValueRef::List(list.as_ref()),
            Value::SortedSet(set) => ValueRef::SortedSet(set.as_ref()),
            Value::Hash(hash) => ValueRef::Hash(hash.as_ref()),
            Value::Stream(stream) => ValueRef::Stream(stream),
        }
    }

    /// What came out of an entry.
    #[inline]
    pub fn of_large(large: Large) -> Value {
        match large {
            Large::Set(set) => Value::Set(Set::Large(set)),
            Large::List(list) => Value::List(List::Large(list)),
            Large::SortedSet(set) => Value::SortedSet(SortedSet::Large(set)),
            Large::Hash(hash) => Value::Hash(Hash::Large(hash)),
            Large::Stream(stream) => Value::Stream(stream),
        }
    }

    /// Hands the value over for an entry, without a copy of what is large.
    #[inline]
    pub fn put<R>(self, then: impl FnOnce(Put<'_>) -> R) -> R {
        match self {
            Value::Text(Text::Int(number)) => then(Put::Text(PutText::Int(number))),
            Value::Text(Text::Bytes(blob)) => then(Put::Text(PutText::Blob(blob))),
            Value::Set(Set::Ints(ints)) => {
                then(Put::Packed(Form::Ints, ints.as_ref().bytes(), false))
            }
            Value::Set(Set::Small(small)) => then(small.put(Form::Set)),
            Value::Set(Set::Large(large)) => then(Put::Large(Large::Set(large))),
            Value::List(List::Small(small)) => then(small.put(Form::List)),
            Value::List(List::Large(large)) => then(Put::Large(Large::List(large))),
            Value::SortedSet(SortedSet::Small(small)) => then(small.put(Form::SortedSet)),
            Value::SortedSet(SortedSet::Large(large)) => then(Put::Large(Large::SortedSet(large))),
            Value::Hash(Hash::Small(small)) => then(small.put(Form::Hash)),
            Value::Hash(Hash::Large(large)) => then(Put::Large(Large::Hash(large))),
            Value::Stream(stream) => then(Put::Large(Large::Stream(stream))),
        }
    }
}
