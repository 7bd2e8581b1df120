// Package docs holds the pages for those who work on the product, and the tests of all documentation, the guides in pkg/guides
// included: every link, operation, setting, metric and figure on a page exists in the code, and the commands on a page run.
package docs
