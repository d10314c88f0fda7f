//! What a setting is to everything that does not know its type, and the macro that makes settings of a manual.
//!
//! Owns: [`Row`], [`When`], the macro `settings!`.   Uses: kinds.   Never: which settings exist.

use super::kinds::{Range, Setting};
use super::rows::Config;

/// When a setting may be given a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Only by the file and the command line.
    AtStart,
    /// By CONFIG SET too.
    Live,
    /// By CONFIG SET where `enable-protected-configs` permits it: who may name files can write them.
    Protected,
}

/// One setting, as seen by everything that does not know its type.
pub struct Row {
    /// The name users write.
    pub name: &'static str,
    /// Other names of the same setting.
    pub aliases: &'static [&'static str],
    /// The heading it stands under.
    pub section: &'static str,
    /// When it may change.
    pub when: When,
    /// The manual, line by line.
    pub doc: &'static [&'static str],
    /// The numbers it accepts, when it is one.
    pub range: Option<Range>,
    /// Whether its value is a list of words.
    pub many: bool,
    /// Whether its value must not appear in logs and error messages.
    pub secret: bool,
    /// The value, as CONFIG GET prints it.
    pub get: fn(&Config) -> String,
    /// The value as files have it, behind the name: one text a line.
    pub lines: fn(&Config) -> Vec<String>,
    /// Takes a new value; `more` as in [`Setting::set`]. After an error nothing has changed.
    pub set: fn(&mut Config, words: &[&str], more: bool) -> Result<(), String>,
}

impl Row {
    /// Whether `name` is this row's name or one of its aliases, in any case.
    pub fn is_named(&self, name: &[u8]) -> bool {
        self.names().any(|known| known.as_bytes().eq_ignore_ascii_case(name))
    }

    /// Its name, then its aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Row({})", self.name)
    }
}

/// The range of a row: what it says, or else what its type can hold.
pub(super) const fn range_of<T: Setting>(narrowed: &[Range]) -> Option<Range> {
    if narrowed.is_empty() { T::RANGE } else { Some(narrowed[0]) }
}

macro_rules! settings {
    ($(section $section:literal { $(
        $(#[doc = $doc:literal])+
        $name:literal $field:ident: $type:ty = $default:expr, $when:ident
            $(, in $low:literal..=$high:expr)? $(, check $check:path)? $(, also $alias:literal)*;
    )* })*) => {
        /// Every setting's value.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Config { $($( $(#[doc = $doc])+ pub $field: $type, )*)* }

        impl Default for Config {
            fn default() -> Config {
                Config { $($( $field: $default, )*)* }
            }
        }

        /// All settings, in the order of the manual.
        pub static ROWS: &[Row] = &[$($( Row {
            name: $name,
            aliases: &[$($alias),*],
            section: $section,
            when: When::$when,
            doc: &[$($doc),+],
            range: range_of::<$type>(&[$(($low, $high as i64))?]),
            many: <$type as Setting>::MANY,
            secret: <$type as Setting>::SECRET,
            get: |config| Setting::show(&config.$field),
            lines: |config| Setting::lines(&config.$field),
            set: |config, words, more| {
                const RANGE: Range = match range_of::<$type>(&[$(($low, $high as i64))?]) {
                    Some(range) => range,
                    None => (i64::MIN, i64::MAX),
                };
                let mut value = config.$field.clone();
                Setting::set(&mut value, words, RANGE, more)?;
                $( $check(&value)?; )?
                config.$field = value;
                Ok(())
            },
        }, )*)*];
    };
}
pub(super) use settings;
