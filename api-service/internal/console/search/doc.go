// Package search has the one search box of the console: it leads from an ID or another word to the page about it.
package search
