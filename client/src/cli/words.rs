//! One line of input into words.
//!
//! Owns: the rules of quoting.   Uses: nothing.   Never: commands.
//!
//! Words are separated by blanks. Between double quotes `\n \r \t \b \a \" \\` and `\xHH` are escapes, any other escaped letter is
//! itself; between single quotes only `\'` is. A quote may begin within a word, but after the closing one the word must end.

use std::iter::Peekable;
use std::slice::Iter;

/// Splits a line. None when a quote is not closed or does not end its word.
pub(crate) fn split(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut letters = line.iter().peekable();
    let mut words = Vec::new();
    loop {
        while letters.next_if(|letter| letter.is_ascii_whitespace()).is_some() {}
        if letters.peek().is_none() {
            return Some(words);
        }
        words.push(word(&mut letters)?);
    }
}

fn word(letters: &mut Peekable<Iter<'_, u8>>) -> Option<Vec<u8>> {
    let mut word = Vec::new();
    while let Some(letter) = letters.next_if(|letter| !letter.is_ascii_whitespace()) {
        match letter {
            b'"' => double_quoted(letters, &mut word)?,
            b'\'' => single_quoted(letters, &mut word)?,
            letter => {
                word.push(*letter);
                continue;
            }
        }
        return letters.peek().is_none_or(|next| next.is_ascii_whitespace()).then_some(word);
    }
    Some(word)
}

fn double_quoted(letters: &mut Peekable<Iter<'_, u8>>, word: &mut Vec<u8>) -> Option<()> {
    loop {
        match letters.next()? {
            b'"' => return Some(()),
            b'\\' => word.push(escaped(letters)?),
            letter => word.push(*letter),
        }
    }
}

/// What follows a backslash between double quotes.
fn escaped(letters: &mut Peekable<Iter<'_, u8>>) -> Option<u8> {
    Some(match letters.next()? {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        b'x' => {
            let mut ahead = letters.clone();
            let mut digit = || char::from(*ahead.next()?).to_digit(16);
            let Some(byte) = digit().zip(digit()).map(|(high, low)| high * 16 + low) else {
                return Some(b'x');
            };
            letters.next();
            letters.next();
            byte as u8
        }
        letter => *letter,
    })
}

fn single_quoted(letters: &mut Peekable<Iter<'_, u8>>, word: &mut Vec<u8>) -> Option<()> {
    loop {
        match letters.next()? {
            b'\'' => return Some(()),
            b'\\' if letters.next_if_eq(&&b'\'').is_some() => word.push(b'\''),
            letter => word.push(*letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Option<Vec<Vec<u8>>> {
        split(line.as_bytes())
    }

    #[test]
    fn blanks_separate_and_quotes_join() {
        assert_eq!(
            words("  set  k 'a b' \"c d\" \n"),
            Some(vec![b"set".to_vec(), b"k".to_vec(), b"a b".to_vec(), b"c d".to_vec()])
        );
        assert_eq!(words(""), Some(vec![]));
        assert_eq!(words("\"\" ''"), Some(vec![vec![], vec![]]));
        assert_eq!(words("a\"b c\""), Some(vec![b"ab c".to_vec()]));
    }

    #[test]
    fn escapes() {
        assert_eq!(words(r#""\x41\n\"\\\q\xzz""#), Some(vec![b"A\n\"\\qxzz".to_vec()]));
        assert_eq!(words(r"'it\'s \n'"), Some(vec![br"it's \n".to_vec()]));
    }

    #[test]
    fn quotes_must_close_and_end_the_word() {
        for line in ["\"a", "'a", "\"a\"b", "'a'b", "\"a\\"] {
            assert_eq!(words(line), None, "{line}");
        }
    }
}
