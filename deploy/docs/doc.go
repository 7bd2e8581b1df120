// Package docs holds the pages for developers, and the tests of all documentation including the guides in pkg/guides. Every link,
// operation, setting, metric and figure on a page exists in the code, and the commands on a page run.
package docs
