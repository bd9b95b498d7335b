//! Whom far ends' certificates must come from: whom this machine trusts, read once for the whole process, and not before somebody
//! has to be trusted: there are hundreds of files.

use std::sync::{Arc, OnceLock};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use rustls_platform_verifier::Verifier;

/// The configuration that all clients share, and with it the sessions to resume.
///
/// # Errors
/// When the library has no version of TLS that this asks for.
pub fn config() -> Result<ClientConfig, Error> {
    static CONFIG: OnceLock<Result<ClientConfig, Error>> = OnceLock::new();
    CONFIG.get_or_init(make).clone()
}

/// Reads whom this machine trusts, unless that is known.
///
/// # Errors
/// When the machine's certificate store can't be read or is empty.
pub fn trusted() -> Result<(), Error> {
    verifier().map(drop)
}

fn provider() -> &'static Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(aws_lc_rs::default_provider()))
}

fn verifier() -> Result<&'static Verifier, Error> {
    static VERIFIER: OnceLock<Result<Verifier, Error>> = OnceLock::new();
    VERIFIER.get_or_init(|| Verifier::new(Arc::clone(provider()))).as_ref().map_err(Clone::clone)
}

fn make() -> Result<ClientConfig, Error> {
    let mut config = ClientConfig::builder_with_provider(Arc::clone(provider()))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(OfThisMachine))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The machine's own verifier, once it is needed.
#[derive(Debug)]
struct OfThisMachine;

impl ServerCertVerifier for OfThisMachine {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        verifier()?.verify_server_cert(certificate, between, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verifier()?.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verifier()?.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificates_are_read_once() {
        trusted().expect("certificates");
        let [one, other] = [verifier(), verifier()].map(|verifier| verifier.expect("certificates"));
        assert!(std::ptr::eq(one, other));
    }
}
