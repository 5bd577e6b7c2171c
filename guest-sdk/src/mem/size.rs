//! How many bytes, as people write it.

use airtight_abi::units::Quantity;

/// A number of bytes: text such as `"1MiB"` or `"64 KB"`, or an integer.
pub trait Size: sealed::Size {}

impl<S: sealed::Size + ?Sized> Size for S {}

mod sealed {
    pub trait Size {
        fn bytes(&self) -> Result<u64, String>;
    }
}

/// The number of bytes.
///
/// # Panics
/// If it is none.
#[track_caller]
pub(super) fn checked(size: &impl Size) -> u64 {
    match size.bytes() {
        Ok(bytes) => bytes,
        Err(error) => panic!("{error}"),
    }
}

impl sealed::Size for str {
    fn bytes(&self) -> Result<u64, String> {
        Quantity::Size.parse(self).map_err(|error| error.to_string())
    }
}

impl sealed::Size for String {
    fn bytes(&self) -> Result<u64, String> {
        sealed::Size::bytes(self.as_str())
    }
}

impl<S: sealed::Size + ?Sized> sealed::Size for &S {
    fn bytes(&self) -> Result<u64, String> {
        (**self).bytes()
    }
}

macro_rules! integers {
    ($($of:ty),*) => {$(
        impl sealed::Size for $of {
            fn bytes(&self) -> Result<u64, String> {
                u64::try_from(*self).map_err(|_| format!("{self} is not a number of bytes"))
            }
        }
    )*};
}

// `i32` is what a plain number becomes.
integers!(u64, u32, usize, i32);
