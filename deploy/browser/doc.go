// Package browser tests the pages of the services in a real browser: the API reference and the queue's web UI.
package browser
