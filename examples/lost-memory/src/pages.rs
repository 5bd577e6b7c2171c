//! A text is printed page by page, through an interface that C programs use, too.

/// A page. C programs see its address only.
pub struct Page {
    /// From 1.
    pub number: usize,
    /// Its lines.
    pub text: String,
}

/// Takes a page, which is the printer's from then on: it gives each to [`free_page`] when it is done with it.
pub type Printer = extern "C" fn(page: *mut Page);

/// Gives a text to a printer, in pages of so many lines.
pub fn print(text: &str, lines: usize, printer: Printer) {
    let all: Vec<&str> = text.lines().collect();
    for (index, lines) in all.chunks(lines).enumerate() {
        let text = lines.join("\n");
        let page = Box::new(Page { number: index + 1, text });
        printer(Box::into_raw(page));
    }
}

/// Takes a page back.
///
/// # Safety
/// The page is one that [`print`] gave to a printer, and nobody uses it afterwards.
pub unsafe extern "C" fn free_page(page: *mut Page) {
    // SAFETY: it came from `into_raw`, and is the caller's to give back.
    drop(unsafe { Box::from_raw(page) });
}
