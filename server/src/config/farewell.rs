//! How the server ends when a signal asks for it.
//!
//! Owns: the words of `shutdown-on-sigint` and `shutdown-on-sigterm`.   Uses: kinds.   Never: ends anything.

use super::kinds::{Range, Setting};

/// Words of SHUTDOWN; none of them is `default`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Farewell {
    /// Save or do not; without either, as the save points say.
    pub save: Option<bool>,
    /// Do not wait for replicas.
    pub now: bool,
    /// End although saving failed.
    pub force: bool,
}

impl Setting for Farewell {
    const MANY: bool = true;

    fn set(&mut self, words: &[&str], _range: Range, _more: bool) -> Result<(), String> {
        let mut new = Farewell::default();
        let (mut save, mut nosave) = (false, false);
        for word in words.iter().flat_map(|text| text.split(' ')) {
            match word.to_ascii_lowercase().as_str() {
                "default" => {}
                "save" => save = true,
                "nosave" => nosave = true,
                "now" => new.now = true,
                "force" => new.force = true,
                _ => {
                    return Err("argument(s) must be one of the following: default, save, \
                                nosave, now, force"
                        .into());
                }
            }
        }
        if save && nosave {
            let text = "shutdown options SAVE and NOSAVE can't be used simultaneously";
            return Err(text.into());
        }
        new.save = if save || nosave { Some(save) } else { None };
        *self = new;
        Ok(())
    }

    fn show(&self) -> String {
        let words = [
            ("save", self.save == Some(true)),
            ("nosave", self.save == Some(false)),
            ("now", self.now),
            ("force", self.force),
        ];
        let said = words.iter().filter(|(_, said)| *said).map(|(word, _)| *word);
        let text = said.collect::<Vec<_>>().join(" ");
        if text.is_empty() { "default".into() } else { text }
    }

    fn lines(&self) -> Vec<String> {
        vec![self.show()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(words: &[&str]) -> Result<String, String> {
        let mut farewell = Farewell { force: true, ..Farewell::default() };
        farewell.set(words, (0, 0), false).map(|()| farewell.show())
    }

    #[test]
    fn words_come_back_in_their_order() {
        assert_eq!(told(&["FORCE nosave"]), Ok("nosave force".into()));
        assert_eq!(told(&["force", "now", "save"]), Ok("save now force".into()));
        assert_eq!(told(&["default"]), Ok("default".into()));
        assert_eq!(told(&["default nosave"]), Ok("nosave".into()));
        assert!(told(&[""]).is_err());
        assert!(told(&["save nosave"]).is_err_and(|why| why.contains("simultaneously")));
        assert!(told(&["soon"]).is_err_and(|why| why.contains("one of the following")));
    }
}
