mod book;
mod edge;
mod model;
mod owners;
mod reach;
mod sites;
