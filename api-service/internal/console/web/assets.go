package web

import (
	"embed"

	"redrive/api-service/internal/static"
)

//go:embed assets
var assetFiles embed.FS

// assetsOf returns the assets of a site by their names. The theme has the colour of the installation.
func assetsOf(s Site) map[string]static.File {
	all := map[string]static.File{"theme.css": static.New("text/css; charset=utf-8", []byte(theme(s)))}
	for name, contentType := range map[string]string{
		"console.css": "text/css; charset=utf-8", "console.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
	} {
		content, err := assetFiles.ReadFile("assets/" + name)
		if err != nil {
			panic(err) // the file is embedded
		}
		all[name] = static.New(contentType, content)
	}
	return all
}

// Asset returns the path of an asset. It changes with the content, so that a browser may keep the file.
func (q *Request) Asset(name string) string {
	return q.Site.Path("assets", name) + "?" + q.kit.assets[name].Tag()
}

// ServeAsset answers with the asset that the path names.
func (q *Request) ServeAsset() error {
	found, known := q.kit.assets[q.Param("name")]
	if !known {
		return errNotFound
	}
	caching := "no-cache"
	if q.R.URL.RawQuery == found.Tag() {
		caching = "public, max-age=31536000, immutable"
	}
	q.W.Header().Set("Cache-Control", caching)
	found.Serve(q.W, q.R)
	return nil
}
