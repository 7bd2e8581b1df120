// Package console serves the pages of the console: what customers, support engineers and operators use in a browser.
//
// Each folder is one area of the console, with its templates beside its code. Package web has what they share. The pages work without
// JavaScript. All files are embedded, and no page loads anything from another host.
//
//	/console                                             leads to the page that the session begins with
//	/console/login, /console/link, /console/logout       sessions: package login
//	/console/search                                      package search
//	/console/operator                                    package operator
//	/console/o/{organization}/overview                   package overview
//	/console/o/{organization}/deliveries[/{id}]          package deliveries
//	/console/o/{organization}/events[/{id}]              package events
//	/console/o/{organization}/endpoints[/{id}]           package endpoints
//	/console/o/{organization}/bulk-jobs[/{id}]           package bulkjobs
//	/console/o/{organization}/keys                       package keys
package console
