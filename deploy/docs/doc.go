// Package docs is the pages of the documentation, and the tests that hold them against the code: what a page links to, calls,
// sets or counts has to exist, and what it tells people to run is run.
package docs
