package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"time"
)

//go:embed assets
var assetFiles embed.FS

// asset is a style sheet, script or picture in memory.
type asset struct {
	contentType string
	content     []byte
	tag         string
}

func newAsset(contentType string, content []byte) asset {
	sum := sha256.Sum256(content)
	return asset{contentType, content, hex.EncodeToString(sum[:8])}
}

// assetsOf returns the assets of a site by their names. The theme has the colour of the installation.
func assetsOf(s Site) map[string]asset {
	all := map[string]asset{"theme.css": newAsset("text/css; charset=utf-8", []byte(theme(s)))}
	for name, contentType := range map[string]string{
		"console.css": "text/css; charset=utf-8", "console.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
	} {
		content, err := assetFiles.ReadFile("assets/" + name)
		if err != nil {
			panic(err) // the file is embedded
		}
		all[name] = newAsset(contentType, content)
	}
	return all
}

// Asset returns the path of an asset. It changes with the content, so that a browser may keep the file.
func (q *Request) Asset(name string) string {
	return q.Site.Path("assets", name) + "?" + q.kit.assets[name].tag
}

// ServeAsset answers with the asset that the path names.
func (q *Request) ServeAsset() error {
	found, known := q.kit.assets[q.Param("name")]
	if !known {
		return errNotFound
	}
	header := q.W.Header()
	header.Set("Content-Type", found.contentType)
	header.Set("Cache-Control", "no-cache")
	if q.R.URL.RawQuery == found.tag {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	header.Set("ETag", `"`+found.tag+`"`)
	http.ServeContent(q.W, q.R, "", time.Time{}, bytes.NewReader(found.content))
	return nil
}
