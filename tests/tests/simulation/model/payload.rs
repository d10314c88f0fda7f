//! What DUMP answers and RESTORE takes, written a second time.
//!
//! Owns: the frame, and strings in two of their forms.   Uses: nothing.   Never: the server's code.

/// A string in a payload of that version: as a number of 8 bits if it is one, else plain.
pub fn payload(value: &[u8], version: u16) -> Vec<u8> {
    let small = std::str::from_utf8(value).ok().and_then(|text| text.parse::<i8>().ok());
    let mut out = vec![0];
    match small.filter(|number| number.to_string().as_bytes() == value) {
        Some(number) => out.extend([0xc0, number as u8]),
        None => {
            out.push(0x80);
            out.extend((value.len() as u32).to_be_bytes());
            out.extend(value);
        }
    }
    out.extend(version.to_le_bytes());
    let sum = checksum(&out);
    out.extend(sum.to_le_bytes());
    out
}

/// The string in a payload that [`payload`] made; none if it was damaged since.
pub fn value(payload: &[u8]) -> Option<Vec<u8>> {
    let (framed, sum) = payload.split_last_chunk::<8>()?;
    if checksum(framed) != u64::from_le_bytes(*sum) {
        return None;
    }
    match framed.split_last_chunk::<2>()?.0 {
        [0, 0xc0, number] => Some((*number as i8).to_string().into_bytes()),
        [0, 0x80, _, _, _, _, value @ ..] => Some(value.to_vec()),
        _ => None,
    }
}

/// CRC-64 by Jones's polynomial, bit-reversed, a byte at a time.
fn checksum(bytes: &[u8]) -> u64 {
    const TABLE: [u64; 256] = {
        let mut table = [0; 256];
        let mut at = 0;
        while at < 256 {
            let (mut sum, mut bit) = (at as u64, 0);
            while bit < 8 {
                let carry = if sum & 1 == 1 { 0x95ac_9329_ac4b_c9b5 } else { 0 };
                sum = sum >> 1 ^ carry;
                bit += 1;
            }
            table[at] = sum;
            at += 1;
        }
        table
    };
    bytes.iter().fold(0, |sum, &byte| TABLE[(sum as u8 ^ byte) as usize] ^ sum >> 8)
}

#[test]
fn the_check_vector_holds() {
    assert_eq!(checksum(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
    for text in ["", "5", "-128", "007", "128", "abc"] {
        assert_eq!(value(&payload(text.as_bytes(), 9)).as_deref(), Some(text.as_bytes()));
    }
}
