mod book;
mod edge;
mod keepers;
mod model;
mod owners;
mod reach;
mod references;
mod sites;
