// Package browser looks at the pages of the services as their users do, in a browser: the API reference and the queue's web UI.
package browser
