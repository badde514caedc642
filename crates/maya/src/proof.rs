//! Who knows the secret: challenge and answer, so that the secret itself never travels.

use std::fmt::{self, Write as _};

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Made for one bootstrap; told to the helper in a file that only this user can read.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Opens one command port of Maya's: told with every line, over loopback.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Key(String);

impl TryFrom<String> for Key {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let sound = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if sound { Ok(Self(text)) } else { Err("a key is of 1 to 64 hexadecimal digits") }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Secret {
    pub fn random() -> Self {
        Self(random())
    }

    pub fn to_hex(&self) -> String {
        hex(&self.0)
    }

    pub fn from_hex(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// Says which secret is meant without telling it.
    pub fn hint(&self) -> String {
        hex(&Sha256::digest(self.0)[..4])
    }

    fn answer(&self, text: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(text.as_bytes());
        hex(&mac.finalize().into_bytes())
    }

    /// What a helper answers that knows the secret.
    pub fn is_proof_of_helper(&self, ours: &str, theirs: &str, proof: &str) -> bool {
        let expected = self.answer(&format!("helper:{ours}:{theirs}"));
        expected.as_bytes().ct_eq(proof.as_bytes()).into()
    }

    pub fn proof_of_engine(&self, ours: &str, theirs: &str) -> String {
        self.answer(&format!("engine:{theirs}:{ours}"))
    }

    #[cfg(test)]
    pub fn proof_of_helper(&self, theirs: &str, ours: &str) -> String {
        self.answer(&format!("helper:{theirs}:{ours}"))
    }

    #[cfg(test)]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// 32 random bytes, in hex.
pub fn nonce() -> String {
    hex(&random::<32>())
}

pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random numbers");
    bytes
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes everything");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shared_vector_is_computed_as_agreed() {
        let fixtures = crate::fixtures::read("proofs.json");
        let vectors = fixtures["vectors"].as_array().expect("rows");
        assert!(!vectors.is_empty(), "there is something to check");
        for vector in vectors {
            let text = |field: &str| vector[field].as_str().expect("a text").to_owned();
            let bytes = crate::fixtures::bytes(&vector["secret"]).try_into().expect("32 bytes");
            let secret = Secret::from_bytes(bytes);
            let (engine, helper) = (text("engine_nonce"), text("helper_nonce"));
            assert_eq!(secret.to_hex(), text("secret"), "hex");
            assert_eq!(secret.hint(), text("secret_id"), "the hint");
            assert_eq!(secret.proof_of_engine(&engine, &helper), text("engine_proof"), "our proof");
            let proof = text("helper_proof");
            assert!(secret.is_proof_of_helper(&engine, &helper, &proof), "theirs");
            assert!(!secret.is_proof_of_helper(&helper, &engine, &proof), "for these nonces only");
            assert!(!secret.is_proof_of_helper(&engine, &helper, &proof[1..]), "and whole");
        }
    }
}
