//! Where the settings let conversations and files be kept.

use std::io;

use url::Url;

use crate::{
    azure::{self, SignIn, container},
    config::{Settings, StoreSetting},
    far_end,
    files::FileStore,
    ledger::journal::{AppendBlobJournal, SqliteJournal, Store},
    session::Fact,
};

/// Users' files stand where the journal does: beside the SQLite file, or in its container.
///
/// # Errors
/// When the container's address or its credential can't be used.
pub fn uploads(settings: &Settings, sign_in: &SignIn, http: &reqwest::Client) -> io::Result<FileStore> {
    match &settings.store {
        StoreSetting::Sqlite(path) => {
            Ok(FileStore::folder(path.with_file_name("files"), settings.files.disk))
        }
        StoreSetting::AppendBlob { url } => {
            let credential = match container::is_signed(url) {
                true => None,
                false => Some(sign_in.credential().map_err(io::Error::other)?),
            };
            let container = container::client(url, credential, azure::transport(http.clone()));
            container.map(FileStore::blobs).map_err(io::Error::other)
        }
    }
}

/// Opens the store that the settings chose. Waits for it, which may take seconds. `makes`: what is missing.
///
/// # Errors
/// One sentence that names STORE and says what is wrong.
pub fn open(settings: &Settings, sign_in: &SignIn, makes: bool) -> io::Result<Store<Fact>> {
    match &settings.store {
        StoreSetting::Sqlite(path) => SqliteJournal::open_file(path, makes)
            .map(Store::of)
            .map_err(|failed| io::Error::other(format!("STORE {}: {failed}", path.display()))),
        StoreSetting::AppendBlob { url } => {
            open_container(url, sign_in, makes).map(Store::of).map_err(|what| {
                let mut shown = url.clone();
                shown.set_query(None);
                io::Error::other(format!("STORE {shown}: {what}"))
            })
        }
    }
}

/// Waits for the container on a thread of its own: the caller's may be running a runtime already.
fn open_container(url: &Url, sign_in: &SignIn, makes: bool) -> Result<AppendBlobJournal, String> {
    let http = far_end::client().map_err(|failed| failed.to_string())?;
    let opening =
        AppendBlobJournal::open_container(url, || sign_in.credential(), azure::transport(http), makes);
    std::thread::scope(|scope| {
        let opened = scope.spawn(|| actix_web::rt::System::new().block_on(opening));
        opened.join().unwrap_or_else(|_| Err("the container can't be opened.".to_owned()))
    })
}
