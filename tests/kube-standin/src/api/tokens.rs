//! Tokens of service accounts: signed here for whoever may ask for one, and known again.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::authentication::User;
use crate::failure::{Context as _, Result, refuse};

/// How long a token is valid at least, and at most.
const SECONDS: std::ops::RangeInclusive<i64> = 600..=86_400;

/// What signs tokens.
pub(super) struct Signer {
    key: EcdsaKeyPair,
    issuer: String,
}

/// Whose a token is.
pub(super) struct Account {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
}

impl Signer {
    /// A signer with a key as kubeadm makes it.
    pub(super) fn new(key: &str, issuer: &str) -> Result<Self> {
        let what = "service-account-signing-key-file";
        let PrivateKeyDer::Pkcs8(der) = PrivateKeyDer::from_pem_slice(key.as_bytes()).doing(what)? else {
            refuse!("{what}: the stand-in takes PKCS 8 only");
        };
        let key = EcdsaKeyPair::from_pkcs8(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            der.secret_pkcs8_der(),
            &SystemRandom::new(),
        );
        Ok(Self { key: key.doing(what)?, issuer: issuer.to_owned() })
    }

    /// A token, and when it ends.
    pub(super) fn issue(&self, account: &Account, seconds: i64) -> Result<(String, OffsetDateTime)> {
        let now = OffsetDateTime::now_utc();
        let end = now + time::Duration::seconds(seconds.clamp(*SECONDS.start(), *SECONDS.end()));
        let claims = json!({
            "iss": self.issuer, "aud": [self.issuer], "sub": account.user(), "iat": now.unix_timestamp(), "nbf": now.unix_timestamp(),
            "exp": end.unix_timestamp(),
            "kubernetes.io": {"namespace": account.namespace, "serviceaccount": {"name": account.name, "uid": account.uid}},
        });
        let head = json!({"alg": "ES256", "typ": "JWT"});
        let text = format!("{}.{}", BASE64.encode(head.to_string()), BASE64.encode(claims.to_string()));
        let signature = self.key.sign(&SystemRandom::new(), text.as_bytes()).doing("cannot sign a token")?;
        Ok((format!("{text}.{}", BASE64.encode(signature.as_ref())), end))
    }

    /// Whose a token is, if it was signed here and is still valid.
    pub(super) fn holder(&self, token: &str) -> Option<Account> {
        let (text, signature) = token.rsplit_once('.')?;
        let (_, claims) = text.split_once('.')?;
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.key.public_key());
        key.verify(text.as_bytes(), &BASE64.decode(signature).ok()?).ok()?;
        let claims: Value = serde_json::from_slice(&BASE64.decode(claims).ok()?).ok()?;
        let lives = claims["exp"].as_i64()? > OffsetDateTime::now_utc().unix_timestamp();
        let own = &claims["kubernetes.io"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let account = Account {
            namespace: text(&own["namespace"])?,
            name: text(&own["serviceaccount"]["name"])?,
            uid: text(&own["serviceaccount"]["uid"])?,
        };
        (lives && claims["iss"] == self.issuer.as_str()).then_some(account)
    }
}

impl Account {
    fn user(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.name)
    }

    /// Who asks with a token of this account.
    pub(super) fn into_user(self) -> User {
        let groups = [
            "system:serviceaccounts",
            &format!("system:serviceaccounts:{}", self.namespace),
            "system:authenticated",
        ];
        User { name: self.user(), groups: groups.map(str::to_owned).to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::{Pair, YEAR};

    fn signer() -> Signer {
        Signer::new(&Pair::authority("sa", YEAR).unwrap().key, "https://here").unwrap()
    }

    fn account() -> Account {
        Account { namespace: "kube-system".into(), name: "robot".into(), uid: "1".into() }
    }

    #[test]
    fn a_token_is_known_by_whoever_signed_it_until_it_ends() {
        let signer = signer();
        let (token, end) = signer.issue(&account(), 1).unwrap();
        assert!(end > OffsetDateTime::now_utc() + time::Duration::seconds(590), "ten minutes at least");
        let user = signer.holder(&token).unwrap().into_user();
        assert_eq!(user.name, "system:serviceaccount:kube-system:robot");
        assert!(user.is_in("system:serviceaccounts:kube-system"));
        assert!(super::tests::signer().holder(&token).is_none());
        assert!(signer.holder(&token.replace('.', "..")).is_none());
        let (text, signature) = token.rsplit_once('.').unwrap();
        let (head, _) = text.split_once('.').unwrap();
        let other = BASE64.encode(json!({"iss": "https://here", "exp": i64::MAX}).to_string());
        assert!(signer.holder(&format!("{head}.{other}.{signature}")).is_none());
    }
}
