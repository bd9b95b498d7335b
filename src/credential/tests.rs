use secrecy::ExposeSecret;

use super::{testing::Vault, *};

fn whole(secret: &Arc<LiveSecret>) -> Credential {
    let first = secret.with(|value| SecretString::from(value));
    Credential::vaulted("RELAY_KEY", secret.clone(), first, |value| {
        (!value.contains(' ')).then(|| value.into())
    })
}

fn shown(credential: &Credential) -> String {
    credential.value().expose_secret().to_owned()
}

#[tokio::test]
async fn a_refused_value_is_read_again_and_the_new_one_used() {
    let vault = Vault::default();
    let credential = whole(&vault.secret("old"));
    vault.put(Some("new"));
    assert_eq!(shown(&credential), "old");
    let before = mark([&credential]);
    assert!(renewed([&credential], &before).await);
    assert_eq!(shown(&credential), "new");
    assert_eq!(vault.asked(), 1);
}

#[tokio::test]
async fn a_refusal_of_what_has_been_replaced_meanwhile_asks_nobody() {
    let vault = Vault::default();
    let credential = whole(&vault.secret("old"));
    let before = mark([&credential]);
    vault.put(Some("new"));
    for _ in 0..3 {
        assert!(renewed([&credential], &before).await);
    }
    assert_eq!(vault.asked(), 1);
}

#[tokio::test]
async fn a_thousand_refusals_at_once_are_one_reading() {
    let vault = Vault::default();
    let credential = whole(&vault.secret("old"));
    vault.put(Some("new"));
    let before = mark([&credential]);
    let all = join_all((0..1_000).map(|_| renewed([&credential], &before))).await;
    assert!(all.into_iter().all(|renewed| renewed));
    assert_eq!(vault.asked(), 1);
}

#[tokio::test]
async fn a_secret_is_left_alone_for_a_while_after_it_was_read_again() {
    let vault = Vault::default();
    let secret = vault.secret("old");
    vault.put(Some("old"));
    let start = Instant::now();
    assert!(!secret.renew(0, start).await);
    vault.put(Some("new"));
    assert!(!secret.renew(0, start + PAUSE / 2).await);
    assert_eq!(vault.asked(), 1);
    assert!(secret.renew(0, start + PAUSE).await);
    assert_eq!(vault.asked(), 2);
}

#[tokio::test]
async fn a_caller_who_gives_up_does_not_use_up_the_reading() {
    let vault = Vault::default();
    let secret = vault.secret("old");
    vault.put(Some("new"));
    let now = Instant::now();
    tokio::select! {
        biased;
        () = std::future::ready(()) => {}
        _ = secret.renew(0, now) => {}
    }
    let mut impatient = Box::pin(secret.renew(0, now));
    assert!(futures_util::poll!(impatient.as_mut()).is_pending());
    drop(impatient);
    assert!(secret.renew(0, now).await);
    assert_eq!(vault.asked(), 1);
}

#[tokio::test]
async fn a_vault_that_is_closed_changes_nothing() {
    let vault = Vault::default();
    let credential = whole(&vault.secret("old"));
    assert!(!renewed([&credential], &mark([&credential])).await);
    assert_eq!(shown(&credential), "old");
}

#[tokio::test]
async fn a_new_value_that_can_not_be_used_is_not_taken_over() {
    let vault = Vault::default();
    let secret = vault.secret("old");
    let (strict, lenient) = (whole(&secret), part(&secret, "a"));
    vault.put(Some("a=1 b=2"));
    assert!(secret.renew(0, Instant::now()).await);
    assert_eq!((shown(&strict), shown(&lenient)), ("old".to_owned(), "1".to_owned()));
}

#[tokio::test]
async fn what_is_not_in_a_vault_is_never_renewed() {
    let plain = Credential::from("plain");
    assert_eq!(mark([&plain]), Mark(Vec::new()));
    assert!(!renewed([&plain], &mark([&plain])).await);
    assert_eq!(shown(&plain), "plain");
}

#[test]
fn a_credential_is_not_shown() {
    let vaulted = whole(&Vault::default().secret("hidden"));
    assert_eq!(format!("{vaulted:?}"), "Credential(secret `x`)");
    assert!(!format!("{:?}", Credential::from("hidden")).contains("hidden"));
}

/// A credential that is one entry of many in its secret.
fn part(secret: &Arc<LiveSecret>, name: &'static str) -> Credential {
    Credential::vaulted("SECONDARY_AGENTS", secret.clone(), "".into(), move |value| {
        let entries = value.split(' ').filter_map(|entry| entry.split_once('='));
        entries.into_iter().find_map(|(key, value)| (key == name).then(|| value.into()))
    })
}
