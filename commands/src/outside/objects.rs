//! Bytes by name: in a folder by default, in S3 where that is configured; encrypted where a key is
//! given. Nobody reads half an object: it is there when all of it is.

mod sealed;

use std::ops::Range;
use std::path::{Path as Folder, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ClientOptions, GetOptions, GetRange, ObjectStore, ObjectStoreExt, RetryConfig};
use object_store::{GetResult, WriteMultipart};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use tokio::time::timeout;

pub use self::sealed::StorageKey;
use self::sealed::{Drawer, SEGMENT};

/// What is sent to S3 at a time: it takes no smaller parts but the last.
const S3_PART: usize = 5 * 1024 * 1024;
/// What is written to a folder at a time.
const FOLDER_PART: usize = 1024 * 1024;
/// Of one upload, with the one that is being filled.
const PARTS_AT_ONCE: usize = 2;
/// For one question or one part.
const PATIENCE: Duration = Duration::from_secs(30);
const TRIES: RetryConfig = RetryConfig {
    backoff: object_store::BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(2),
        base: 2.0,
    },
    max_retries: 3,
    retry_timeout: Duration::from_secs(20),
};
/// What a folder calls a write under way ends with this and a number.
const UNFINISHED: char = '#';

/// Where objects are kept.
#[derive(Clone, Debug)]
pub enum ObjectSettings {
    Folder(PathBuf),
    S3 {
        bucket: String,
        region: String,
        /// Of a server that is not Amazon's.
        endpoint: Option<String>,
        access_key: Option<SecretString>,
        secret_key: Option<SecretString>,
    },
}

#[derive(Debug, Error)]
pub enum ObjectError {
    #[error("there is no such object")]
    Absent,
    #[error("the object is not what was stored")]
    Corrupt,
    #[error("the object store does not answer: {0}")]
    Unavailable(String),
}

impl From<object_store::Error> for ObjectError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::Absent,
            error => Self::Unavailable(error.to_string()),
        }
    }
}

/// All objects of the platform. Clones share connections.
#[derive(Clone, Debug)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    key: Option<StorageKey>,
    /// Where writes leave something behind that a dying process did not finish.
    folder: Option<PathBuf>,
    /// Bytes sent at a time.
    part: usize,
}

/// An object as a list names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub name: String,
    pub written: SystemTime,
}

/// Part of an object, as it comes.
pub type Chunks = BoxStream<'static, Result<Bytes, ObjectError>>;

impl Objects {
    /// The folder is made if it is not there.
    pub fn open(settings: &ObjectSettings, key: Option<StorageKey>) -> Result<Self, ObjectError> {
        match settings {
            ObjectSettings::Folder(folder) => {
                let unusable = |error: std::io::Error| {
                    ObjectError::Unavailable(format!("{}: {error}", folder.display()))
                };
                std::fs::create_dir_all(folder).map_err(unusable)?;
                let store = LocalFileSystem::new_with_prefix(folder)?.with_automatic_cleanup(true);
                let (store, folder) = (Arc::new(store), Some(folder.clone()));
                Ok(Self { store, key, folder, part: FOLDER_PART })
            }
            ObjectSettings::S3 { bucket, region, endpoint, access_key, secret_key } => {
                let client = ClientOptions::new()
                    .with_allow_http(endpoint.as_ref().is_some_and(|url| url.starts_with("http:")))
                    .with_timeout(PATIENCE)
                    .with_connect_timeout(Duration::from_secs(5));
                // What the environment or the machine's role gives, unless it is configured.
                let mut builder = AmazonS3Builder::from_env()
                    .with_bucket_name(bucket)
                    .with_region(region)
                    .with_client_options(client)
                    .with_retry(TRIES);
                if let Some(endpoint) = endpoint {
                    builder = builder.with_endpoint(endpoint);
                }
                if let (Some(access), Some(secret)) = (access_key, secret_key) {
                    builder = builder
                        .with_access_key_id(access.expose_secret())
                        .with_secret_access_key(secret.expose_secret());
                }
                let store = Arc::new(builder.build()?);
                Ok(Self { store, key, folder: None, part: S3_PART })
            }
        }
    }

    /// All at once; what was there under this name is gone.
    pub async fn put(&self, name: &str, bytes: Bytes) -> Result<(), ObjectError> {
        let stored = match &self.key {
            Some(key) => key.drawer(name)?.seal_all(&bytes)?.into(),
            None => bytes,
        };
        in_time(self.store.put(&path(name)?, stored.into())).await.map(|_| ())
    }

    /// Bit by bit. Nothing is there before it is finished.
    pub async fn write(&self, name: &str) -> Result<Writing, ObjectError> {
        let upload = in_time(self.store.put_multipart(&path(name)?)).await?;
        let drawer = self.key.as_ref().map(|key| key.drawer(name)).transpose()?;
        let parts = WriteMultipart::new_with_chunk_size(upload, self.part);
        Ok(Writing { parts, drawer, held: Vec::new() })
    }

    /// All of it. For what is known to be small.
    pub async fn get(&self, name: &str) -> Result<Bytes, ObjectError> {
        let chunks = self.read(name, None).await?;
        let read = chunks.try_fold(Vec::new(), async |mut all, chunk| {
            all.extend_from_slice(&chunk);
            Ok(all)
        });
        timeout(PATIENCE, read).await.map_err(|_| late())?.map(Bytes::from)
    }

    /// All of it or the bytes of a range, as they come.
    pub async fn read(&self, name: &str, range: Option<Range<u64>>) -> Result<Chunks, ObjectError> {
        let path = path(name)?;
        let Some(key) = &self.key else {
            let options = GetOptions::new().with_range(range.map(GetRange::Bounded));
            return Ok(chunks(in_time(self.store.get_opts(&path, options)).await?));
        };
        let drawer = key.drawer(name)?;
        let stored = in_time(self.store.head(&path)).await?.size;
        if stored < sealed::OVERHEAD as u64 {
            return Err(ObjectError::Corrupt);
        }
        let wanted = range.unwrap_or(0..sealed::length_of(stored));
        let segments = drawer.segments(stored, &wanted);
        let options =
            GetOptions::new().with_range(Some(GetRange::Bounded(segments.stored.clone())));
        let found = in_time(self.store.get_opts(&path, options)).await?;
        Ok(drawer.open(chunks(found), segments, wanted))
    }

    pub async fn delete(&self, name: &str) -> Result<(), ObjectError> {
        match in_time(self.store.delete(&path(name)?)).await {
            Ok(()) | Err(ObjectError::Absent) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Everything below a name.
    pub async fn delete_below(&self, name: &str) -> Result<(), ObjectError> {
        let listed: Vec<_> = self.list(name)?.try_collect().await?;
        for object in listed {
            self.delete(&object.name).await?;
        }
        Ok(())
    }

    /// Everything below a name, in no order.
    pub fn list(
        &self,
        name: &str,
    ) -> Result<BoxStream<'static, Result<Listed, ObjectError>>, ObjectError> {
        let listed = self.store.list(Some(&path(name)?)).map(|object| {
            let object = object?;
            let (name, written) = (object.location.to_string(), object.last_modified.into());
            Ok(Listed { name, written })
        });
        Ok(listed.boxed())
    }

    /// What a process that died was writing, if it is older than `age`. S3 has a lifecycle rule for
    /// that: `AbortIncompleteMultipartUpload`.
    pub fn delete_unfinished(&self, age: Duration) -> std::io::Result<u32> {
        match &self.folder {
            Some(folder) => delete_unfinished(folder, age),
            None => Ok(0),
        }
    }
}

fn delete_unfinished(folder: &Folder, age: Duration) -> std::io::Result<u32> {
    let mut deleted = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (kind, name) = (entry.file_type()?, entry.file_name());
        if kind.is_dir() {
            deleted += delete_unfinished(&entry.path(), age)?;
            continue;
        }
        let unfinished =
            name.to_string_lossy().rsplit_once(UNFINISHED).is_some_and(|(_, number)| {
                !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
            });
        let old = entry.metadata()?.modified()?.elapsed().is_ok_and(|since| since >= age);
        if unfinished && old {
            std::fs::remove_file(entry.path())?;
            deleted += 1;
        }
    }
    Ok(deleted)
}

/// An object that is being written.
pub struct Writing {
    parts: WriteMultipart,
    drawer: Option<Drawer>,
    /// Not yet a whole segment.
    held: Vec<u8>,
}

impl Writing {
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), ObjectError> {
        match &mut self.drawer {
            None => self.parts.write(bytes),
            Some(drawer) => {
                self.held.extend_from_slice(bytes);
                // The last segment is sealed as the last: one is always kept back.
                while self.held.len() > SEGMENT {
                    let segment = self.held.drain(..SEGMENT).collect::<Vec<_>>();
                    self.parts.write(&drawer.seal(segment, false)?);
                }
            }
        }
        in_time(self.parts.wait_for_capacity(PARTS_AT_ONCE)).await
    }

    pub async fn finish(mut self) -> Result<(), ObjectError> {
        if let Some(drawer) = &mut self.drawer {
            self.parts.write(&drawer.seal(std::mem::take(&mut self.held), true)?);
        }
        in_time(self.parts.finish()).await.map(|_| ())
    }

    /// As if it had never been begun.
    pub async fn abort(self) -> Result<(), ObjectError> {
        in_time(self.parts.abort()).await
    }
}

fn path(name: &str) -> Result<Path, ObjectError> {
    Path::parse(name).map_err(|error| ObjectError::Unavailable(error.to_string()))
}

fn chunks(found: GetResult) -> Chunks {
    let chunks = found.into_stream();
    let next = |mut chunks: BoxStream<'static, object_store::Result<Bytes>>| async move {
        let chunk = match timeout(PATIENCE, chunks.next()).await {
            Ok(chunk) => chunk?.map_err(ObjectError::from),
            Err(_) => Err(late()),
        };
        Some((chunk, chunks))
    };
    stream::unfold(chunks, next).fuse().boxed()
}

async fn in_time<T>(work: impl Future<Output = object_store::Result<T>>) -> Result<T, ObjectError> {
    timeout(PATIENCE, work).await.map_err(|_| late())?.map_err(ObjectError::from)
}

fn late() -> ObjectError {
    ObjectError::Unavailable("no answer in time".to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tempfile::TempDir;

    use super::*;

    const NAME: &str = "files/1/7/original";

    fn objects(key: Option<StorageKey>) -> (Objects, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let settings = ObjectSettings::Folder(folder.path().to_owned());
        (Objects::open(&settings, key).unwrap(), folder)
    }

    fn sealed() -> (Objects, TempDir) {
        objects(Some(StorageKey::new(&[7; 32])))
    }

    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at % 251) as u8).collect()
    }

    async fn written(objects: &Objects, bytes: &[u8], chunk: usize) {
        let mut writing = objects.write(NAME).await.unwrap();
        for chunk in bytes.chunks(chunk) {
            writing.write(chunk).await.unwrap();
        }
        writing.finish().await.unwrap();
    }

    async fn range(objects: &Objects, range: Range<u64>) -> Result<Vec<u8>, ObjectError> {
        let chunks: Vec<Bytes> = objects.read(NAME, Some(range)).await?.try_collect().await?;
        Ok(chunks.concat())
    }

    fn now<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn what_was_written_is_read_whole_and_in_any_range(
            length in prop_oneof![0..300_000_usize, Just(SEGMENT), Just(2 * SEGMENT), Just(SEGMENT + 1)],
            chunk in 1_000..100_000_usize,
            (start, end) in (0.0..1.0_f64, 0.0..1.0_f64),
            at_once: bool,
        ) {
            let plain = bytes(length);
            let at = |share: f64| (share * length as f64) as usize;
            let (start, end) = (at(start).min(at(end)), at(start).max(at(end)));
            now(async {
                for (objects, _folder) in [objects(None), sealed()] {
                    match at_once {
                        true => objects.put(NAME, plain.clone().into()).await.unwrap(),
                        false => written(&objects, &plain, chunk).await,
                    }
                    prop_assert_eq!(&objects.get(NAME).await.unwrap(), &plain);
                    if start < end {
                        let read = range(&objects, start as u64..end as u64).await.unwrap();
                        prop_assert_eq!(&read, &plain[start..end]);
                    }
                }
                Ok(())
            })?;
        }
    }

    #[tokio::test]
    async fn an_upload_that_is_given_up_leaves_nothing() {
        let (objects, folder) = objects(None);
        let mut writing = objects.write(NAME).await.unwrap();
        writing.write(&bytes(6 * 1024 * 1024)).await.unwrap();
        assert!(matches!(objects.get(NAME).await, Err(ObjectError::Absent)));
        writing.abort().await.unwrap();
        assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
    }

    #[tokio::test]
    async fn what_a_dead_process_was_writing_is_swept_and_nothing_else() {
        let (objects, folder) = objects(None);
        objects.put("files/1/8/original", bytes(9).into()).await.unwrap();
        let mut writing = objects.write(NAME).await.unwrap();
        writing.write(&bytes(6 * 1024 * 1024)).await.unwrap();
        in_time(writing.parts.wait_for_capacity(0)).await.unwrap();
        // As kill -9 does: nobody ends it.
        std::mem::forget(writing.parts);
        assert_eq!(files(folder.path()).len(), 2);
        assert_eq!(objects.delete_unfinished(Duration::from_secs(3600)).unwrap(), 0);
        assert_eq!(objects.delete_unfinished(Duration::ZERO).unwrap(), 1);
        assert_eq!(files(folder.path()), [folder.path().join("files/1/8/original")]);
    }

    #[tokio::test]
    async fn sealed_objects_show_nothing_and_bear_no_change() {
        let (objects, folder) = sealed();
        let plain = bytes(3 * SEGMENT - 5);
        written(&objects, &plain, 10_000).await;
        let file = folder.path().join(NAME);
        let stored = std::fs::read(&file).unwrap();
        assert!(!stored.windows(64).any(|window| window == &plain[..64]));
        let segment = SEGMENT + sealed::OVERHEAD;
        let swapped = [&stored[segment..2 * segment], &stored[..segment], &stored[2 * segment..]];
        let mut flipped = stored.clone();
        flipped[70_000] ^= 1;
        let cut = stored[..2 * segment].to_vec();
        for changed in [swapped.concat(), flipped, cut, Vec::new()] {
            std::fs::write(&file, changed).unwrap();
            assert!(matches!(objects.get(NAME).await, Err(ObjectError::Corrupt)));
        }
        // Nor does one pass for another.
        std::fs::write(&file, &stored).unwrap();
        assert_eq!(objects.get(NAME).await.unwrap(), plain);
        std::fs::create_dir_all(folder.path().join("files/1/9")).unwrap();
        std::fs::copy(&file, folder.path().join("files/1/9/original")).unwrap();
        assert!(matches!(objects.get("files/1/9/original").await, Err(ObjectError::Corrupt)));
    }

    fn files(folder: &Folder) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
    }
}
