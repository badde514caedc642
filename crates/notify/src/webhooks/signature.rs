//! That an event comes from here, and is as it was sent: the signature of the Standard Webhooks specification, `v1`.
//!
//! Invariant: the secret is shown to nobody, in no way.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const PREFIX: &str = "whsec_";
/// As the specification has it.
const LEAST: usize = 24;
const MOST: usize = 64;

#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

#[derive(Debug, thiserror::Error)]
#[error(
    "its \"secret\" is \"{PREFIX}\" and {LEAST} to {MOST} bytes in base64: make one with `openssl rand -base64 32`"
)]
pub struct InvalidSecret;

impl FromStr for Secret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let letters = text.strip_prefix(PREFIX).ok_or(InvalidSecret)?;
        let key = BASE64.decode(letters).map_err(|_| InvalidSecret)?;
        if (LEAST..=MOST).contains(&key.len()) { Ok(Self(key)) } else { Err(InvalidSecret) }
    }
}

impl Secret {
    /// `timestamp` is that of the try, in seconds.
    pub(super) fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_reference_libraries() {
        let secret: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse().expect("24 bytes");
        let body = br#"{"email":"test@example.com","username":"test_user"}"#;
        assert_eq!(
            secret.sign("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553, body),
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
            "the specification's own example"
        );
    }

    #[test]
    fn a_secret_is_neither_short_nor_long_nor_without_its_prefix() {
        let of = |bytes: usize| format!("{PREFIX}{}", BASE64.encode(vec![7; bytes]));
        for good in [24, 32, 64].map(of) {
            assert!(good.parse::<Secret>().is_ok(), "{good}");
        }
        let letters = BASE64.encode([7; 32]);
        for bad in [of(0), of(23), of(65), letters.clone(), format!("{PREFIX}{letters}!"), String::new()] {
            assert!(bad.parse::<Secret>().is_err(), "{bad}");
        }
    }
}
