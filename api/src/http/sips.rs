//! Connections that are read in small sips. Whoever reads a body asks for as much as there is; what
//! comes at once then lies in buffers of ever other sizes, of which the allocator keeps many.

use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};

use poem::http::uri::Scheme;
use poem::listener::{Acceptor, Listener};
use poem::web::{LocalAddr, RemoteAddr};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf, Take};

/// Read at a time.
const SIP: u64 = 32 * 1024;

/// A listener or its acceptor, whose connections are read so.
pub struct InSips<T>(pub T);

/// A connection.
pub struct Sips<T>(Take<T>);

impl<T: AsyncRead> Sips<T> {
    pub fn new(connection: T) -> Self {
        Self(connection.take(SIP))
    }
}

impl<T: Listener> Listener for InSips<T> {
    type Acceptor = InSips<T::Acceptor>;

    async fn into_acceptor(self) -> Result<Self::Acceptor> {
        self.0.into_acceptor().await.map(InSips)
    }
}

impl<T: Acceptor> Acceptor for InSips<T> {
    type Io = Sips<T::Io>;

    fn local_addr(&self) -> Vec<LocalAddr> {
        self.0.local_addr()
    }

    async fn accept(&mut self) -> Result<(Self::Io, LocalAddr, RemoteAddr, Scheme)> {
        let (connection, here, there, scheme) = self.0.accept().await?;
        Ok((Sips::new(connection), here, there, scheme))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Sips<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        // Each time anew: it is no bound on the whole.
        self.0.set_limit(SIP);
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Sips<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        Pin::new(self.0.get_mut()).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Pin::new(self.0.get_mut()).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.get_ref().is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(self.0.get_mut()).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(self.0.get_mut()).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn everything_comes_and_never_much_at_once() {
        let sent: Vec<u8> = (0..200_000_u32).map(|number| number.to_le_bytes()[1]).collect();
        let mut sips = Sips::new(sent.as_slice());
        let (mut come, mut buffer) = (Vec::new(), vec![0; sent.len()]);
        loop {
            let length = sips.read(&mut buffer).await.unwrap();
            assert!(length as u64 <= SIP);
            if length == 0 {
                break;
            }
            come.extend_from_slice(&buffer[..length]);
        }
        assert_eq!(come, sent);
    }

    #[tokio::test]
    async fn what_is_written_goes_through() {
        let (here, mut there) = tokio::io::duplex(8);
        let mut sips = Sips::new(here);
        let writing = async {
            sips.write_all(b"as long as it likes").await.unwrap();
            sips.shutdown().await.unwrap();
        };
        let mut come = String::new();
        let (_, length) = tokio::join!(writing, there.read_to_string(&mut come));
        assert_eq!((length.unwrap(), come.as_str()), (19, "as long as it likes"));
    }
}
