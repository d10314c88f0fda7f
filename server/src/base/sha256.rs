//! SHA-256 of passwords, as ACL LIST shows it.
//!
//! Owns: the form.   Uses: sha2.   Never: decides what is secret.

use sha2::{Digest, Sha256};

/// The hash of a text in 64 hexadecimal digits. O(n).
pub fn sha256_hex(text: &[u8]) -> String {
    hex(&Sha256::digest(text))
}

/// Bytes as hexadecimal digits, in lower case.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_standard() {
        assert_eq!(
            sha256_hex(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(hex(&[0, 255]), "00ff");
    }
}
