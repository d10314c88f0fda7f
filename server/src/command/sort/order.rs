//! The order of elements.
//!
//! Owns: how elements are compared.   Uses: words.   Never: data: what an element is sorted by is told.

use super::words::Words;
use crate::resp::{Error, Result};
use crate::value::packed::Element;
use crate::value::text::Scratch;
use std::cmp::Ordering;

/// The elements in the order that the words want. `meant` says what the pattern of BY means for an element. O(n log n).
///
/// # Errors
/// An element is to be sorted as a number and is none.
pub fn order<'s>(
    elements: Vec<Element<'s>>,
    words: &Words<'_>,
    meant: impl Fn(&[u8], Element<'s>) -> Option<Element<'s>>,
) -> Result<Vec<Element<'s>>> {
    let by = |element| match words.by {
        Some(pattern) => meant(pattern, element),
        None => Some(element),
    };
    let turned = |order: Ordering| if words.descending { order.reverse() } else { order };
    if words.alpha {
        let mut items: Vec<_> = elements.into_iter().map(|item| (by(item), item)).collect();
        items.sort_by(|a, b| turned(compare_texts(a.0, b.0)));
        return Ok(items.into_iter().map(|(_, item)| item).collect());
    }
    let mut items = Vec::with_capacity(elements.len());
    for item in elements {
        // What is not there counts as 0.
        let number = by(item).map_or(Some(0.0), number);
        items.push((number.ok_or(NO_NUMBER)?, item));
    }
    items.sort_unstable_by(|a, b| {
        let order = a.0.partial_cmp(&b.0).unwrap_or(Ordering::Equal);
        turned(order.then_with(|| compare_texts(Some(a.1), Some(b.1))))
    });
    Ok(items.into_iter().map(|(_, item)| item).collect())
}

const NO_NUMBER: Error = Error::text_const("ERR One or more scores can't be converted into double");

/// Texts by their bytes; what is not there comes first.
fn compare_texts(a: Option<Element<'_>>, b: Option<Element<'_>>) -> Ordering {
    if let (Some(Element::Text(a)), Some(Element::Text(b))) = (a, b) {
        return a.cmp(b);
    }
    let (mut room, mut other) = (Scratch::default(), Scratch::default());
    let a = a.map(|element| element.text(&mut room));
    a.cmp(&b.map(|element| element.text(&mut other)))
}

/// The number of an element as C's strtod reads a whole text: spaces may lead, nothing is 0.
fn number(element: Element<'_>) -> Option<f64> {
    let text = match element {
        Element::Int(number) => return Some(number as f64),
        Element::Text(text) => text,
    };
    // C's text ends at a NUL.
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default().trim_ascii_start();
    if text.is_empty() {
        return Some(0.0);
    }
    crate::base::bytes::parse_f64(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_c_does() {
        for (text, expected) in [
            ("1.5", Some(1.5)),
            (" 2", Some(2.0)),
            ("", Some(0.0)),
            ("-inf", Some(f64::NEG_INFINITY)),
            ("nan", None),
            ("1x", None),
            ("x", None),
            ("1 ", None),
        ] {
            assert_eq!(number(Element::Text(text.as_bytes())), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_there_comes_first() {
        assert_eq!(compare_texts(None, Some(Element::Text(b""))), Ordering::Less);
        assert_eq!(
            compare_texts(Some(Element::Int(10)), Some(Element::Text(b"1a"))),
            Ordering::Less
        );
        assert_eq!(compare_texts(None, None), Ordering::Equal);
    }
}
