use azure_core::http::{RawResponse, headers::Headers};

use super::*;

#[test]
fn the_place_decides_who_we_are() {
    use Platform::*;
    let choose = |platform, assigned: bool, set: &[&str]| {
        Source::choose(platform, assigned, |name| set.contains(&name))
    };
    let here = ["IDENTITY_ENDPOINT", "IDENTITY_HEADER"];
    assert_eq!(choose(FlexConsumption, false, &here), Ok(Source::SystemAssigned));
    assert_eq!(choose(ContainerApps, true, &here), Ok(Source::UserAssigned));
    assert_eq!(choose(Machine, true, &[]), Ok(Source::Developer));
    for azure in [AppService, Consumption, FlexConsumption, ContainerApps] {
        let lacking = choose(azure, false, &[]).expect_err("no identity");
        assert_eq!(lacking.to_string(), NO_IDENTITY);
    }
    let lacking = choose(Kubernetes, false, &[]).expect_err("no identity");
    assert!(lacking.to_string().contains("SAS"));
    let half = choose(Machine, false, &["IDENTITY_ENDPOINT"]).expect_err("half an identity");
    assert!(half.to_string().contains("IDENTITY_HEADER"));
}

#[test]
fn each_way_to_get_no_token_says_what_to_do() {
    let rows = [
        (Source::UserAssigned, Some(status(400)), "AZURE_CLIENT_ID names is not assigned"),
        (Source::SystemAssigned, Some(status(400)), "turn it on"),
        (Source::SystemAssigned, Some(status(403)), "refused IDENTITY_HEADER"),
        (Source::SystemAssigned, Some(status(500)), "failed with status 500"),
        (Source::SystemAssigned, Some(refused()), "can't be reached"),
        (Source::SystemAssigned, Some(Error::from(ErrorKind::DataConversion)), "is no token"),
        (Source::SystemAssigned, None, "did not answer within 10 s"),
        (Source::Developer, Some(refused()), "run `az login`"),
        (Source::Developer, None, "run `az login`"),
    ];
    for (source, error, hint) in rows {
        // As `azure_identity` wraps it.
        let error = error.map(|inner| Error::with_error(ErrorKind::Credential, inner, "failed"));
        let told = source.explain(error.as_ref()).to_string();
        assert!(told.contains(hint), "{told}");
    }
}

#[test]
fn want_of_a_token_is_found_in_whatever_the_crates_made_of_it() {
    let told = IdentityError("no identity".to_owned());
    let error = Error::new(ErrorKind::Credential, told.clone()).with_context("a").with_context("b");
    assert_eq!(identity_error(&error), Some(&told));
    assert_eq!(identity_error(&status(403)), None);
}

fn status(status: u16) -> Error {
    let raw = RawResponse::from_bytes(status.into(), Headers::new(), "");
    ErrorKind::HttpResponse { status: status.into(), error_code: None, raw_response: Some(Box::new(raw)) }
        .into()
}

fn refused() -> Error {
    Error::with_message(ErrorKind::Connection, "refused")
}
