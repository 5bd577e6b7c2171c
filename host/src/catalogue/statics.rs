//! The contents of a module's memory and of its first table before the module's own code runs.

use super::module::Module;
use super::no_statics::NoStatics;
use super::passive;
use super::sections::id;
use std::collections::BTreeMap;
use wasmparser::{ConstExpr, DataKind, DataSectionReader, ElementItems, ElementKind, ElementSectionReader, Operator};

/// The contents of a module's memory and of its first table when an instance begins.
#[derive(Debug)]
pub(crate) struct Statics<'a> {
    /// The contents of the memory: address and bytes of each part. Parts do not overlap.
    segments: Vec<(u32, &'a [u8])>,
    /// The functions in the table, by index.
    functions: BTreeMap<u32, u32>,
}

impl<'a> Statics<'a> {
    /// Reads the static data and the table. Passive segments are left out, except those that a module with threads copies when
    /// it begins.
    ///
    /// # Errors
    /// The contents depend on more than the module's bytes.
    pub(crate) fn read(module: &Module<'a>) -> Result<Self, NoStatics> {
        Ok(Self { segments: segments(module)?, functions: functions(module)? })
    }

    /// The bytes at an address, if all of them are static data of one segment.
    pub(crate) fn bytes(&self, address: u32, len: u32) -> Option<&'a [u8]> {
        let next = self.segments.partition_point(|(start, _)| *start <= address);
        let (start, data) = *self.segments.get(next.checked_sub(1)?)?;
        let from = (address - start) as usize;
        data.get(from..from.checked_add(len as usize)?)
    }

    /// The text at an address.
    pub(crate) fn text(&self, address: u32, len: u32) -> Option<&'a str> {
        std::str::from_utf8(self.bytes(address, len)?).ok()
    }

    /// The word at an address.
    pub(crate) fn word(&self, address: u32) -> Option<u32> {
        self.bytes(address, 4)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
    }

    /// All words whose address is a multiple of four: the address, and the word.
    pub(crate) fn words(&self) -> impl Iterator<Item = (u32, u32)> {
        self.segments.iter().flat_map(|(start, data)| {
            let skipped = start.next_multiple_of(4) - start;
            let words = data.get(skipped as usize..).unwrap_or_default().chunks_exact(4);
            words.zip(0u32..).filter_map(move |(word, nth)| {
                Some((start + skipped + 4 * nth, u32::from_le_bytes(*word.first_chunk()?)))
            })
        })
    }

    /// The function at an index of the table.
    pub(crate) fn function(&self, index: u32) -> Option<u32> {
        self.functions.get(&index).copied()
    }

    /// All static data as one piece, with the address at which it begins. Between the parts it is zero. `None` if there is no
    /// static data, or if the piece would be mostly gaps.
    pub(crate) fn image(&self) -> Option<(u32, Vec<u8>)> {
        let (first, (last, end)) = (self.segments.first()?.0, *self.segments.last()?);
        let whole = (last - first) as usize + end.len();
        let held: usize = self.segments.iter().map(|(_, data)| data.len()).sum();
        if whole > held.saturating_mul(4).saturating_add(1 << 16) {
            return None;
        }
        let mut image = vec![0; whole];
        for (start, data) in &self.segments {
            let at = (start - first) as usize;
            image[at..at + data.len()].copy_from_slice(data);
        }
        Some((first, image))
    }

    /// The functions in the table: the index in the table, and the function.
    pub(crate) fn functions(&self) -> impl Iterator<Item = (u32, u32)> {
        self.functions.iter().map(|(index, function)| (*index, *function))
    }
}

fn segments<'a>(module: &Module<'a>) -> Result<Vec<(u32, &'a [u8])>, NoStatics> {
    let Some(section) = module.section(id::DATA) else { return Ok(Vec::new()) };
    let copied = passive::copied(module)?;
    let mut segments: Vec<(u32, &[u8])> = Vec::new();
    for (index, segment) in (0..).zip(DataSectionReader::new(section.reader(module.bytes))?) {
        let segment = segment?;
        let len = u32::try_from(segment.data.len()).map_err(|_| NoStatics::Outside)?;
        let start = match (segment.kind, copied.get(&index)) {
            (DataKind::Active { memory_index: 0, offset_expr }, _) => constant(&offset_expr)?,
            (DataKind::Passive, Some(copied)) if copied.len == len => copied.address,
            (DataKind::Passive, Some(_)) => return Err(NoStatics::Computed),
            _ => continue,
        };
        // No program has data at the last addresses, and with such data every sum below could overflow.
        start.checked_add(len).filter(|end| *end <= u32::MAX - 8).ok_or(NoStatics::Outside)?;
        if len > 0 {
            segments.push((start, segment.data));
        }
    }
    segments.sort_by_key(|(start, _)| *start);
    let overlap = segments.windows(2).any(|pair| pair[0].0 as usize + pair[0].1.len() > pair[1].0 as usize);
    if overlap { Err(NoStatics::Overlap) } else { Ok(segments) }
}

fn functions(module: &Module<'_>) -> Result<BTreeMap<u32, u32>, NoStatics> {
    let mut functions = BTreeMap::new();
    let section = module.sections.iter().find(|section| section.id == id::ELEMENT);
    let Some(section) = section else { return Ok(functions) };
    for segment in ElementSectionReader::new(section.reader(module.bytes))? {
        let segment = segment?;
        let ElementKind::Active { table_index: None | Some(0), offset_expr } = segment.kind else { continue };
        let mut index = constant(&offset_expr)?;
        let mut put = |function: Option<u32>| {
            // If two segments set one entry, its contents depend on their order: refuse to say.
            if let Some(function) = function
                && functions.insert(index, function).is_some()
            {
                return Err(NoStatics::Overlap);
            }
            index = index.checked_add(1).ok_or(NoStatics::Outside)?;
            Ok(())
        };
        match segment.items {
            ElementItems::Functions(items) => {
                for function in items {
                    put(Some(function?))?;
                }
            }
            ElementItems::Expressions(_, items) => {
                for item in items {
                    match item?.get_operators_reader().read()? {
                        Operator::RefFunc { function_index } => put(Some(function_index))?,
                        _ => put(None)?,
                    }
                }
            }
        }
    }
    Ok(functions)
}

/// The value of a constant expression that is a single number.
fn constant(expression: &ConstExpr<'_>) -> Result<u32, NoStatics> {
    let mut operators = expression.get_operators_reader();
    match (operators.read()?, operators.read()?) {
        (Operator::I32Const { value }, Operator::End) => Ok(value.cast_unsigned()),
        _ => Err(NoStatics::Computed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<R>(fields: &str, look: impl FnOnce(Result<Statics<'_>, NoStatics>) -> R) -> R {
        let bytes = wat::parse_str(format!("(module {fields})")).unwrap();
        look(Statics::read(&Module::read(&bytes).unwrap()))
    }

    #[test]
    fn bytes_and_words_are_those_of_one_segment() {
        let fields = r#"(memory 1) (data (i32.const 10) "abcdefghij") (data (i32.const 6) "wxyz") (data "passive")"#;
        with(fields, |statics| {
            let statics = statics.unwrap();
            assert_eq!(statics.text(10, 3), Some("abc"));
            assert_eq!((statics.text(6, 4), statics.text(6, 5), statics.text(5, 1)), (Some("wxyz"), None, None));
            assert_eq!((statics.text(19, 1), statics.text(20, 0), statics.text(19, 2)), (Some("j"), Some(""), None));
            let words: Vec<_> = statics.words().map(|(at, word)| (at, word.to_le_bytes())).collect();
            assert_eq!(words, [(12, *b"cdef"), (16, *b"ghij")]);
            assert_eq!(statics.word(12), Some(u32::from_le_bytes(*b"cdef")));
        });
    }

    #[test]
    fn what_depends_on_more_than_the_bytes_is_not_known() {
        let memory = r#"(global $g (import "m" "g") i32) (memory 1)"#;
        for (fields, why) in [
            (format!(r#"{memory} (data (global.get $g) "a")"#), NoStatics::Computed),
            (format!(r#"{memory} (data (i32.const 1) "abc") (data (i32.const 3) "d")"#), NoStatics::Overlap),
            (format!(r#"{memory} (data (i32.const -1) "abc")"#), NoStatics::Outside),
            (
                "(func $f) (table 4 funcref) (elem (i32.const 1) $f $f) (elem (i32.const 2) $f)".into(),
                NoStatics::Overlap,
            ),
            ("(func $f) (table 4 funcref) (elem (i32.const -1) $f)".into(), NoStatics::Outside),
        ] {
            with(&fields, |statics| assert_eq!(statics.unwrap_err(), why, "{fields}"));
        }
    }

    #[test]
    fn functions_are_found_by_their_index_in_the_table() {
        let fields = "(func $f) (func $g) (table 9 funcref) (elem (i32.const 1) $g $f) \
            (elem (i32.const 4) funcref (ref.func $g) (ref.null func) (ref.func $f)) (elem declare func $f)";
        with(fields, |statics| {
            let statics = statics.unwrap();
            assert_eq!(statics.functions().collect::<Vec<_>>(), [(1, 1), (2, 0), (4, 1), (6, 0)]);
            assert_eq!((statics.function(2), statics.function(5)), (Some(0), None));
        });
    }
}
