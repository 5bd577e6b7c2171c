//! What a guest can say of itself: tests with clean-ups, scratch directories and limits, for airtight.
