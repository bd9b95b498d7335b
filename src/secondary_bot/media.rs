//! Files a primary bot uploads, kept beside the store until a message brings them to the agent.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

/// Where an uploaded file seems to be, as a ServiceNow instance names it.
pub const PATH: &str = "/api/now/v1/cs/media/";
/// An upload no message came for within this time is deleted.
const KEPT: Duration = Duration::from_secs(24 * 3_600);

/// A folder of uploads.
#[derive(Clone, Debug)]
pub struct Media {
    folder: PathBuf,
}

/// What is known of an upload beside its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    pub name: String,
    pub media_type: String,
}

impl Media {
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// A fresh id and the file to write its bytes to.
    ///
    /// # Errors
    /// When the folder or the file can't be made.
    pub fn create(&self) -> io::Result<(String, fs::File)> {
        fs::create_dir_all(&self.folder)?;
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(io::Error::other)?;
        let id = hex::encode(id);
        let file = fs::File::create_new(self.folder.join(format!("{id}.part")))?;
        Ok((id, file))
    }

    /// Makes a written upload one that can be found.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn finish(&self, id: &str, file: fs::File, label: &Label) -> io::Result<()> {
        file.sync_all()?;
        drop(file);
        fs::write(self.folder.join(format!("{id}.json")), serde_json::to_vec(label)?)?;
        fs::rename(self.folder.join(format!("{id}.part")), self.folder.join(id))
    }

    /// Throws an unfinished upload away.
    pub fn abandon(&self, id: &str) {
        let _ = fs::remove_file(self.folder.join(format!("{id}.part")));
    }

    /// The upload a URL names, if it is one of ours.
    pub fn find(&self, url: &str) -> Option<(PathBuf, Label)> {
        let id = id(url)?;
        let label = fs::read(self.folder.join(format!("{id}.json"))).ok()?;
        let path = self.folder.join(id);
        path.is_file().then_some(())?;
        Some((path, serde_json::from_slice(&label).ok()?))
    }

    /// Deletes what is old.
    pub fn forget_old(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let written = entry.metadata().and_then(|data| data.modified());
            let age = written.ok().and_then(|at| SystemTime::now().duration_since(at).ok());
            if age.is_some_and(|age| age > KEPT) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// The id at the end of a media URL; only what we could have made ourselves, so that no path can be smuggled in.
fn id(url: &str) -> Option<&str> {
    let (_, id) = url.rsplit_once(PATH)?;
    (id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
}

/// A file's bytes as a request's body, read while they are sent.
///
/// # Errors
/// When the file can't be opened.
pub fn body(path: &Path) -> io::Result<(reqwest::Body, u64)> {
    let file = fs::File::open(path)?;
    let length = file.metadata()?.len();
    // From the page cache mostly: this program wrote the file moments ago.
    let chunks = futures_util::stream::unfold(file, |mut file| async move {
        let mut chunk = vec![0; CHUNK];
        match io::Read::read(&mut file, &mut chunk) {
            Ok(0) => None,
            Ok(read) => {
                chunk.truncate(read);
                Some((Ok(chunk), file))
            }
            Err(error) => Some((Err(error), file)),
        }
    });
    Ok((reqwest::Body::wrap_stream(chunks), length))
}

const CHUNK: usize = 64 * 1024;
