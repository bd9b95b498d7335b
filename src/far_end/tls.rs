//! Whom far ends' certificates must come from: whom this machine trusts, read once for the whole process.

use std::sync::{Arc, OnceLock};

use rustls::{ClientConfig, Error, crypto::aws_lc_rs};
use rustls_platform_verifier::Verifier;

/// The configuration that all clients share, and with it the sessions to resume.
///
/// # Errors
/// When the machine's certificate store can't be read or is empty.
pub fn config() -> Result<ClientConfig, Error> {
    static CONFIG: OnceLock<Result<ClientConfig, Error>> = OnceLock::new();
    CONFIG.get_or_init(read).clone()
}

fn read() -> Result<ClientConfig, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Arc::new(Verifier::new(Arc::clone(&provider))?);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificates_are_read_once() {
        let [one, other] = [config(), config()].map(|config| config.expect("certificates"));
        assert!(Arc::ptr_eq(one.crypto_provider(), other.crypto_provider()));
    }
}
