//! A stock of goods, which takes long to load.

use std::collections::BTreeMap;

/// How many different goods there are.
pub const GOODS: usize = 2_000;

/// A stock of goods.
pub struct Stock(BTreeMap<String, u32>);

impl Stock {
    /// Loads the stock: seven of each.
    #[must_use]
    pub fn load() -> Self {
        Self((0..GOODS).map(|nth| (format!("article {nth}"), 7)).collect())
    }

    /// How many there are of all goods together.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.0.values().sum()
    }

    /// Sells so many of an article, if they are there.
    ///
    /// # Errors
    /// How many there are.
    pub fn sell(&mut self, article: &str, count: u32) -> Result<(), u32> {
        let left = self.0.get_mut(article).ok_or(0_u32)?;
        *left = left.checked_sub(count).ok_or(*left)?;
        Ok(())
    }
}
