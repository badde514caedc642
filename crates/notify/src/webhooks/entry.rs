//! Where events are to be posted, as it stands in the settings.
//!
//! Invariant: what is accepted can be posted to, and plain HTTP does not leave this machine; no message repeats a secret.

use std::{collections::BTreeSet, fmt, net::IpAddr};

use maya_mcp_session::{Filter, Kind};
use reqwest::Url;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::signature::{InvalidSecret, Secret};

#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    pub(super) url: Url,
    pub(super) secret: Option<Secret>,
    pub(super) filter: Filter,
}

#[derive(Debug, thiserror::Error)]
pub enum InvalidWebhook {
    #[error("its \"url\" is no address: write it like https://farm.example.com/maya")]
    NoUrl,
    #[error(
        "events go to an https address, or to http on this machine, and nowhere else: change its \"url\""
    )]
    Scheme,
    #[error(
        "plain http goes to this machine only (127.0.0.1, [::1], localhost): write https, or post to a program here"
    )]
    PlainHttp,
    #[error("a user or password in its \"url\" would end up in logs: take it out, and use \"secret\"")]
    UserInfo,
    #[error("the part of its \"url\" from # on is sent to nobody: take it out")]
    Fragment,
    #[error(transparent)]
    Secret(#[from] InvalidSecret),
    #[error("there is one with the same \"url\" before it: make one of the two")]
    Twice,
}

/// As it is written. Unknown keys are left alone.
#[derive(Deserialize)]
struct Entry {
    url: String,
    secret: Option<String>,
    kinds: Option<BTreeSet<Kind>>,
    sessions: Option<BTreeSet<String>>,
}

impl Webhook {
    /// For people and logs: some addresses are a secret as a whole.
    pub(super) fn logged(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    pub(super) fn is_on_this_machine(&self) -> bool {
        is_on_this_machine(&self.url)
    }
}

impl TryFrom<Entry> for Webhook {
    type Error = InvalidWebhook;

    fn try_from(entry: Entry) -> Result<Self, InvalidWebhook> {
        let url = Url::parse(&entry.url).map_err(|_| InvalidWebhook::NoUrl)?;
        match url.scheme() {
            "https" => {}
            "http" if is_on_this_machine(&url) => {}
            "http" => return Err(InvalidWebhook::PlainHttp),
            _ => return Err(InvalidWebhook::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidWebhook::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(InvalidWebhook::Fragment);
        }
        let secret = entry.secret.map(|secret| secret.parse()).transpose()?;
        Ok(Self { url, secret, filter: Filter { kinds: entry.kinds, sources: entry.sessions } })
    }
}

fn is_on_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url: _, secret, filter } = self;
        let url = self.logged();
        f.debug_struct("Webhook").field("url", &url).field("secret", secret).field("filter", filter).finish()
    }
}

/// Reads the key `webhooks` of the settings; says which of them is wrong, and what to do.
pub fn webhooks_in_settings<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Webhook>, D::Error> {
    let mut webhooks: Vec<Webhook> = Vec::new();
    for (place, entry) in Vec::<Entry>::deserialize(deserializer)?.into_iter().enumerate() {
        let webhook = Webhook::try_from(entry).and_then(|webhook| {
            let twice = webhooks.iter().any(|before| before.url == webhook.url);
            if twice { Err(InvalidWebhook::Twice) } else { Ok(webhook) }
        });
        let number = place + 1;
        webhooks.push(
            webhook.map_err(|why| D::Error::custom(format!("number {number} of \"webhooks\": {why}")))?,
        );
    }
    Ok(webhooks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Webhook>, serde_json::Error> {
        webhooks_in_settings(&mut serde_json::Deserializer::from_str(text))
    }

    #[test]
    fn plain_http_stays_on_this_machine() {
        for url in [
            "https://farm.example.com/maya?key=1",
            "http://127.0.0.1:8080/",
            "http://127.9.8.7/",
            "http://[::1]:9/x",
            "http://localhost:80/",
            "http://0x7f.1/",
        ] {
            let webhooks = read(&format!(r#"[{{"url": "{url}", "later": 1}}]"#));
            assert_eq!(webhooks.unwrap_or_else(|why| panic!("{url}: {why}")).len(), 1, "{url}");
        }
        for (url, why) in [
            ("http://farm.example.com/", "plain http"),
            ("http://127.0.0.1.example.com/", "plain http"),
            ("http://localhost.example.com/", "plain http"),
            ("http://0.0.0.0/", "plain http"),
            ("http://192.168.1.2/", "plain http"),
            ("http://[::ffff:192.168.1.2]/", "plain http"),
            ("http://127.0.0.1@farm.example.com/", "plain http"),
            ("ftp://127.0.0.1/", "nowhere else"),
            ("file:///etc/passwd", "nowhere else"),
            ("https://joe:word@farm.example.com/", "take it out"),
            ("https://joe@farm.example.com/", "take it out"),
            ("https://farm.example.com/#part", "take it out"),
            ("farm.example.com", "write it like"),
        ] {
            let refused = read(&format!(r#"[{{"url": "https://good.example"}}, {{"url": "{url}"}}]"#));
            let message = refused.expect_err(url).to_string();
            assert!(message.contains("number 2 of \"webhooks\""), "which one: {message}");
            assert!(message.contains(why), "{url}: {message}");
        }
        let twice = read(r#"[{"url": "https://a.example"}, {"url": "https://a.example/"}]"#);
        assert!(twice.expect_err("it is the same").to_string().contains("make one of the two"), "what to do");
        assert!(read(r#"[{"url": "https://a.example", "kinds": ["crashd"]}]"#).is_err(), "no such kind");
    }

    #[test]
    fn nothing_that_is_printed_holds_a_secret() {
        let text = r#"[{"url": "https://a.example/path-word?key=query-word", "kinds": ["crashed"],
            "secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"}]"#;
        let webhooks = read(text).expect("it is right");
        let printed = format!("{webhooks:?} {}", webhooks[0].logged());
        for word in ["C2FVs", "path-word", "query-word", "11, 97, 85"] {
            assert!(!printed.contains(word), "{word} in {printed}");
        }
        let bad = read(r#"[{"url": "https://a.example", "secret": "whsec_dG9vIHNob3J0"}]"#);
        let message = bad.expect_err("nine bytes").to_string();
        assert!(message.contains("openssl rand -base64 32"), "how to make one: {message}");
        assert!(!message.contains("dG9vIHNob3J0"), "but not which it is: {message}");
    }
}
