//! Content by its identifier: our own store, in the object storage, which needs no other peer. Every
//! block is checked whenever it is read, so that what was changed in the storage is never given out.

use std::ops::Range;

use bytes::Bytes;
use cid::Cid;
use futures::{Stream, TryStreamExt, stream};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::objects::{ObjectError, Objects};
use crate::unixfs::block::MAX_BYTES;
use crate::unixfs::walk::WalkError;
use crate::unixfs::{Block, Import, Next, Walk};

/// How much of a file is read at a time while it is cut into blocks.
const PIECE: usize = 64 * 1024;

#[derive(Clone, Debug)]
pub struct ContentStore {
    objects: Objects,
}

#[derive(Debug, Error)]
pub enum ContentError {
    #[error("the content store does not answer: {0}")]
    Unavailable(String),
    #[error("what is stored as {0} is not what the identifier was computed from")]
    Corrupt(Cid),
    #[error("{0} is missing from the file it belongs to")]
    Missing(Cid),
    #[error("the file cannot be read: {0}")]
    Unreadable(#[from] WalkError),
    #[error("the bytes to be stored cannot be read: {0}")]
    Source(#[from] std::io::Error),
}

impl ContentStore {
    pub const fn new(objects: Objects) -> Self {
        Self { objects }
    }

    /// Stores a file, however long it is; gives the identifier kubo would give it. Its root comes
    /// last: where that is, everything below it is.
    pub async fn put(&self, mut source: impl AsyncRead + Unpin) -> Result<Cid, ContentError> {
        let (mut import, mut piece) = (Import::default(), vec![0; PIECE]);
        loop {
            let read = source.read(&mut piece).await?;
            if read == 0 {
                break;
            }
            for block in import.push(&piece[..read]) {
                self.put_block(&block).await?;
            }
        }
        let imported = import.finish();
        for block in &imported.blocks {
            self.put_block(block).await?;
        }
        Ok(imported.root)
    }

    /// Stores a block. What is there already is written again: it may have been damaged.
    pub async fn put_block(&self, block: &Block) -> Result<(), ContentError> {
        let stored = self.objects.put(&name(block.cid()), block.bytes().clone()).await;
        stored.map_err(|error| ContentError::Unavailable(error.to_string()))
    }

    /// The block of this identifier, if it is here.
    pub async fn block(&self, cid: &Cid) -> Result<Option<Block>, ContentError> {
        let bytes = match self.bytes(&name(cid)).await {
            Ok(bytes) => bytes,
            Err(ObjectError::Absent) => return Ok(None),
            Err(ObjectError::Corrupt) => return Err(ContentError::Corrupt(*cid)),
            Err(ObjectError::Unavailable(why)) => return Err(ContentError::Unavailable(why)),
        };
        let block = Block::checked(*cid, bytes).map_err(|_| ContentError::Corrupt(*cid))?;
        Ok(Some(block))
    }

    /// The file whose root this is.
    pub fn file(&self, root: &Block) -> Result<File, ContentError> {
        Ok(File { store: self.clone(), walk: Walk::open(root)? })
    }

    /// No more of an object than shows that it is no block.
    async fn bytes(&self, name: &str) -> Result<Bytes, ObjectError> {
        let mut chunks = self.objects.read(name, None).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = chunks.try_next().await? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MAX_BYTES {
                break;
            }
        }
        Ok(bytes.into())
    }

    async fn needed(&self, cid: &Cid) -> Result<Block, ContentError> {
        self.block(cid).await?.ok_or(ContentError::Missing(*cid))
    }
}

/// A file in the store.
pub struct File {
    store: ContentStore,
    walk: Walk,
}

impl File {
    pub const fn size(&self) -> u64 {
        self.walk.size()
    }

    /// The bytes of a range, as they come: one block is held at a time. After an error there is
    /// nothing more.
    pub fn read(
        self,
        range: Range<u64>,
    ) -> impl Stream<Item = Result<Bytes, ContentError>> + Send + 'static {
        stream::try_unfold((self.store, self.walk.of(range)), |(store, mut walk)| async move {
            loop {
                match walk.advance() {
                    Next::Bytes(bytes) => return Ok(Some((bytes, (store, walk)))),
                    Next::Needs(cid) => walk.take(&store.needed(&cid).await?)?,
                    Next::End => return Ok(None),
                }
            }
        })
    }
}

fn name(cid: &Cid) -> String {
    format!("blocks/{cid}")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::super::objects::ObjectSettings;
    use super::*;

    struct Shelf {
        store: ContentStore,
        folder: TempDir,
    }

    impl Shelf {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let settings = ObjectSettings::Folder(folder.path().to_owned());
            Self { store: ContentStore::new(Objects::open(&settings, None).unwrap()), folder }
        }

        fn place(&self, cid: &Cid) -> PathBuf {
            self.folder.path().join(name(cid))
        }

        fn blocks(&self) -> Vec<PathBuf> {
            let blocks = std::fs::read_dir(self.folder.path().join("blocks")).unwrap();
            blocks.map(|entry| entry.unwrap().path()).collect()
        }

        async fn read(&self, cid: &Cid, range: Range<u64>) -> Result<Vec<u8>, ContentError> {
            let root = self.store.needed(cid).await?;
            let pieces: Vec<Bytes> = self.store.file(&root)?.read(range).try_collect().await?;
            Ok(pieces.concat())
        }
    }

    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at / 251 % 256) as u8 ^ (at % 256) as u8).collect()
    }

    const LEAF: usize = 256 * 1024;

    #[tokio::test]
    async fn a_file_comes_back_whole_and_in_part() {
        let (shelf, bytes) = (Shelf::new(), bytes(3 * LEAF + 17));
        let root = shelf.store.put(&bytes[..]).await.unwrap();
        assert_eq!(shelf.blocks().len(), 5);
        assert!(shelf.read(&root, 0..bytes.len() as u64).await.unwrap() == bytes);
        let part = LEAF - 3..2 * LEAF + 5;
        let read = shelf.read(&root, part.start as u64..part.end as u64).await.unwrap();
        assert!(read == bytes[part]);
        // Stored again, it is the same.
        assert_eq!(shelf.store.put(&bytes[..]).await.unwrap(), root);
        assert_eq!(shelf.blocks().len(), 5);
    }

    #[tokio::test]
    async fn what_is_not_there_is_none() {
        let (shelf, block) = (Shelf::new(), Block::raw(Bytes::from_static(b"nowhere")));
        assert_eq!(shelf.store.block(block.cid()).await.unwrap(), None);
    }

    #[tokio::test]
    async fn no_block_is_changed_without_notice_and_storing_it_again_mends_it() {
        let (shelf, bytes) = (Shelf::new(), bytes(2 * LEAF));
        let root = shelf.store.put(&bytes[..]).await.unwrap();
        for place in shelf.blocks() {
            let whole = std::fs::read(&place).unwrap();
            let mut flipped = whole.clone();
            *flipped.last_mut().unwrap() ^= 1;
            let (cut, longer) = (whole[1..].to_vec(), [&whole[..], &[0; MAX_BYTES]].concat());
            for changed in [flipped, cut, longer, Vec::new()] {
                std::fs::write(&place, changed).unwrap();
                let read = shelf.read(&root, 0..2 * LEAF as u64).await;
                assert!(matches!(read, Err(ContentError::Corrupt(_))), "{read:?}");
            }
            shelf.store.put(&bytes[..]).await.unwrap();
            assert!(shelf.read(&root, 0..2 * LEAF as u64).await.unwrap() == bytes);
        }
        let leaf = Block::raw(Bytes::copy_from_slice(&bytes[..LEAF]));
        std::fs::remove_file(shelf.place(leaf.cid())).unwrap();
        let read = shelf.read(&root, 0..1).await;
        assert!(matches!(read, Err(ContentError::Missing(_))), "{read:?}");
        // Another part needs it as little as it ever did.
        shelf.read(&root, LEAF as u64..LEAF as u64 + 9).await.unwrap();
    }
}
