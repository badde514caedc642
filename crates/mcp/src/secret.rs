//! Who is the endpoint: a challenge that only the program behind endpoint.json can answer.
//!
//! Invariant: the secret never travels, and comparing takes the same time whatever is compared.

use std::fmt::{self, Write as _};

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Made at each start of the engine; told to this user's programs in endpoint.json.
#[derive(Clone)]
pub struct EndpointSecret([u8; 32]);

impl EndpointSecret {
    pub fn random() -> Self {
        Self(random())
    }

    pub fn to_hex(&self) -> String {
        hex(&self.0)
    }

    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// The endpoint's answer to a nonce.
    pub fn prove(&self, nonce: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(format!("endpoint:{nonce}").as_bytes());
        hex(&mac.finalize().into_bytes())
    }

    pub fn is_proof(&self, nonce: &str, proof: &str) -> bool {
        self.prove(nonce).as_bytes().ct_eq(proof.as_bytes()).into()
    }
}

impl PartialEq for EndpointSecret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for EndpointSecret {}

impl fmt::Debug for EndpointSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EndpointSecret(…)")
    }
}

impl Serialize for EndpointSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_hex())
    }
}

impl<'de> Deserialize<'de> for EndpointSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_hex(&text).ok_or_else(|| D::Error::custom("a secret is 64 hexadecimal digits"))
    }
}

/// 32 random bytes, in hex.
pub(crate) fn nonce() -> String {
    hex(&random::<32>())
}

pub(crate) fn is_nonce(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random numbers");
    bytes
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes everything");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_of_the_secret_can_answer_a_nonce() {
        let (ours, theirs, nonce) = (EndpointSecret::random(), EndpointSecret::random(), nonce());
        assert!(ours.is_proof(&nonce, &ours.prove(&nonce)), "its own answer is right");
        assert!(!ours.is_proof(&nonce, &theirs.prove(&nonce)), "another's is wrong");
        assert!(!ours.is_proof(&nonce, ""), "and none is wrong");
        let again = EndpointSecret::from_hex(&ours.to_hex()).expect("what is written can be read");
        assert_eq!(again, ours, "hex and back");
        for bad in ["", "zz", &"g".repeat(64), &"ü".repeat(32)] {
            assert!(EndpointSecret::from_hex(bad).is_none(), "{bad:?} is no secret");
        }
    }
}
