package app

import (
	"net/http"

	"redrive/api-service/internal/console"
	"redrive/api-service/internal/console/deliveries"
	"redrive/api-service/internal/console/web"
	"redrive/api-service/internal/httpapi"
	"redrive/pkg/memory"
)

// The modes of the console. See Console.
const (
	consoleOff      = "off"
	consoleOperator = "operator"
	consoleAll      = "all"
)

// enabled reports whether there is a console.
func (c Console) enabled() bool { return c.Mode != "" && c.Mode != consoleOff }

// newConsole returns what makes the pages of the console, or nil without a console.
func newConsole(o Options, p *parts, budget *memory.Budget) func(httpapi.Console) http.Handler {
	if !o.Console.enabled() {
		return nil
	}
	return func(api httpapi.Console) http.Handler {
		return console.New(console.Options{
			Site: siteOf(o), API: api, Sessions: p.sessions, Password: passwordOf(o.Queues.Password),
			Bodies: deliveries.Bodies{Store: o.Store, Memory: budget}, Operations: p.operations, Finder: o.Store,
			Timeout: consoleStatements * o.DatabaseTimeout, Log: o.Log,
		})
	}
}

// consoleStatements is how many statements a page makes itself, each of which may take the database's timeout.
const consoleStatements = 3

// consoleURL returns where browsers are led from the root, or "" without a console.
func consoleURL(o Options) string {
	if !o.Console.enabled() {
		return ""
	}
	return siteOf(o).Path()
}

// siteOf returns what the installation sets for its console.
func siteOf(o Options) web.Site {
	return web.Site{
		Name: o.Console.Name, Accent: o.Console.Accent, PublicURL: o.PublicURL, ReturnURL: o.Console.ReturnURL,
		FrameAncestors: o.Console.FrameAncestors, OperatorOnly: o.Console.Mode == consoleOperator, OperatorPassword: o.Queues.Password != "",
		Open: o.Console.Open, Home: o.Console.Home,
	}
}

// passwordOf returns what compares a text with the operator's password. Without a password, no text is right.
func passwordOf(password string) func(string) bool {
	return func(text string) bool { return httpapi.SamePassword(password, text) && password != "" }
}
