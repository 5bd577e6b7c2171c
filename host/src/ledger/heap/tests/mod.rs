mod book;
mod model;
mod reach;
mod sites;
