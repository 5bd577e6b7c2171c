mod book;
mod edge;
mod model;
mod reach;
mod sites;
