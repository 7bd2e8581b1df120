package config

import (
	"errors"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"redrive/pkg/contrast"
)

// Console configures the browser console.
type Console struct {
	PublicURL PublicURL `env:"PUBLIC_URL" doc:"http or https URL of the service as browsers see it, such as https://hooks.example.com, possibly with a path; links to the console begin with it, and without it there are none"`
	// Mode is off, operator or all.
	Mode           string   `env:"CONSOLE" envDefault:"all" doc:"users of the browser console: off (no console), operator (the operator only) or all (also API keys and links)"`
	Name           string   `env:"CONSOLE_NAME" envDefault:"Redrive" doc:"name of the product in the console, with 64 characters at most"`
	Accent         string   `env:"CONSOLE_ACCENT" envDefault:"#2457c5" doc:"colour of links and buttons in the console, as #rrggbb; it must be readable on white or on the dark theme's background"`
	ReturnURL      string   `env:"CONSOLE_RETURN_URL" doc:"http or https URL where the console leads a customer whose session has ended; it gets the query parameters organization and path"`
	FrameAncestors []string `env:"CONSOLE_FRAME_ANCESTORS" doc:"comma-separated origins, such as https://app.example.com, whose pages may show the console in a frame; needs a PUBLIC_URL with https"`
}

// PublicURL is an http or https URL without a slash at its end, with its scheme and host in lower case, as browsers write them.
type PublicURL string

// UnmarshalText reads a URL.
func (p *PublicURL) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	trimmed := strings.TrimRight(string(text), "/")
	u, err := parseHTTP(trimmed)
	if err != nil || strings.ContainsAny(trimmed, "?#") || u.Path != "" && path.Clean(u.Path) != u.Path {
		return errors.New("it must be an http or https URL such as https://hooks.example.com, possibly with a path, without user, query and fragment")
	}
	u.Host = strings.ToLower(u.Host) // the scheme already is
	*p = PublicURL(u.String())
	return nil
}

// parseHTTP parses an absolute http or https URL without a user.
func parseHTTP(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return nil, errors.New("no http or https URL")
	}
	return u, nil
}

// secure reports whether browsers use https.
func (p PublicURL) secure() bool { return strings.HasPrefix(string(p), "https:") }

// maxConsoleName is the length of the longest name of the product, in characters.
const maxConsoleName = 64

func (o Console) check(c *check) {
	if !slices.Contains([]string{"off", "operator", "all"}, o.Mode) {
		c.add("CONSOLE", "must be off, operator or all")
	}
	if strings.TrimSpace(o.Name) == "" || utf8.RuneCountInString(o.Name) > maxConsoleName || !utf8.ValidString(o.Name) || strings.ContainsFunc(o.Name, unicode.IsControl) {
		c.add("CONSOLE_NAME", "must have 1 to %d characters of UTF-8, and no control characters", maxConsoleName)
	}
	c.accent("CONSOLE_ACCENT", o.Accent)
	if o.ReturnURL != "" {
		if _, err := parseHTTP(o.ReturnURL); err != nil || strings.Contains(o.ReturnURL, "#") {
			c.add("CONSOLE_RETURN_URL", "must be an http or https URL without user and fragment, such as https://app.example.com/webhooks")
		}
	}
	c.origins("CONSOLE_FRAME_ANCESTORS", o.FrameAncestors)
	if len(o.FrameAncestors) > 0 && !o.PublicURL.secure() {
		c.add("CONSOLE_FRAME_ANCESTORS", "needs a PUBLIC_URL with https: browsers keep the cookie of a page in a frame only then")
	}
}

// accent refuses a colour that can be read in no theme.
func (c *check) accent(name, text string) {
	accent, err := contrast.Parse(text)
	if err != nil {
		c.add(name, "must be a colour such as #2457c5")
		return
	}
	if contrast.Ratio(accent, contrast.LightBackground) < contrast.Readable && contrast.Ratio(accent, contrast.DarkBackground) < contrast.Readable {
		c.add(name, "must have a contrast of at least %v to 1 with %v or with the dark background %v; take a darker or a lighter colour",
			contrast.Readable, contrast.LightBackground, contrast.DarkBackground)
	}
}
