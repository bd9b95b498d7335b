//! How long a call to the blob service may take, and how often it is made: the only owner of retries here.
//!
//! Every call may be made again without harm: a block, a list of blocks and a small file are put under names of
//! their own, always the same ones.

use std::{future::Future, time::Duration};

use azure_core::error::ErrorKind;

use super::super::StoreError;

/// Milliseconds before each try. All of them together end before the sender of the bytes gives up.
const PAUSES: [u64; 4] = [0, 100, 400, 1_000];
/// For one try; a block comes through in a fraction of that.
const LIMIT: Duration = Duration::from_secs(6);

/// Why a call failed. The service's own errors go no further: they hold the URL, and with it a SAS.
#[derive(Debug)]
pub struct Fault {
    what: String,
    status: Option<u16>,
}

impl Fault {
    pub fn is_gone(&self) -> bool {
        self.status == Some(404)
    }

    pub fn cut_off() -> Self {
        Self { what: "its answer broke off".to_owned(), status: None }
    }

    fn late() -> Self {
        Self { what: "no answer in time".to_owned(), status: None }
    }

    /// Whether the same call may fare better a moment later.
    fn passes(&self) -> bool {
        self.status.is_none_or(|status| matches!(status, 408 | 429 | 500..=599))
    }
}

impl From<azure_core::Error> for Fault {
    fn from(error: azure_core::Error) -> Self {
        match error.kind() {
            ErrorKind::HttpResponse { status, error_code, .. } => {
                let (status, code) = (u16::from(*status), error_code.as_deref().unwrap_or_default());
                Self { what: format!("HTTP {status} {code}").trim_end().to_owned(), status: Some(status) }
            }
            kind => Self { what: format!("no answer: {kind}"), status: None },
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        Self::Blobs { what: fault.what }
    }
}

/// Makes the call until it is answered for good, at most four times within 26 seconds.
///
/// # Errors
/// The last try's fault.
pub async fn patiently<T, A>(call: impl Fn() -> A) -> Result<T, Fault>
where
    A: Future<Output = azure_core::Result<T>>,
{
    let mut last = Fault::late();
    for pause in PAUSES {
        if pause > 0 {
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        match once(call()).await {
            Err(fault) if fault.passes() => last = fault,
            answered => return answered,
        }
    }
    Err(last)
}

/// Makes the call once.
///
/// # Errors
/// Its fault.
pub async fn once<T>(call: impl Future<Output = azure_core::Result<T>>) -> Result<T, Fault> {
    tokio::time::timeout(LIMIT, call).await.map_err(|_| Fault::late())?.map_err(Fault::from)
}
