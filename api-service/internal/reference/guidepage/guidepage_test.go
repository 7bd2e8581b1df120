package guidepage

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func rendering(t *testing.T, markdown string) string {
	t.Helper()
	body, err := addresses{reference: "/docs/", guides: "/docs/guides/"}.render([]byte("# Title\n\n" + markdown))
	require.NoError(t, err)
	assert.Equal(t, "Title", body.title)
	return string(body.html)
}

func TestRenderLinksLeadToServedPages(t *testing.T) {
	for markdown, html := range map[string]string{
		"[a](concepts.md)":                               `<a href="/docs/guides/concepts">a</a>`,
		"[a](./concepts.md#b-c)":                         `<a href="/docs/guides/concepts#b-c">a</a>`,
		"[a](../../pkg/guides/concepts.md)":              `<a href="/docs/guides/concepts">a</a>`,
		"[a](#title)":                                    `<a href="#title">a</a>`,
		"[a](https://example.com/b)":                     `<a href="https://example.com/b">a</a>`,
		"[a](../../api-service/openapi/openapi.yaml)":    `<a href="/docs/">a</a>`,
		"see [`x` *y*](../../deploy/example.sh#z), then": `see <code>x</code> <em>y</em> (deploy/example.sh in the repository), then`,
		"[a](nothing.md)":                                `<p>a (pkg/guides/nothing.md in the repository)</p>`,
		"[a](javascript:alert(1))":                       `<p>a (`,
		"[a](../../../../etc/passwd)":                    `<p>a (`,
	} {
		assert.Contains(t, rendering(t, markdown), html, markdown)
	}
}

func TestRenderHeadingsHaveGitHubAnchors(t *testing.T) {
	html := rendering(t, "## The `a_b` of *c*, d\n\n## Same\n\n## Same\n\n### Same\n")
	for _, heading := range []string{`<h1 id="title">`, `<h2 id="the-a_b-of-c-d">`, `<h2 id="same">`, `<h2 id="same-1">`, `<h3 id="same-2">`} {
		assert.Contains(t, html, heading)
	}
}

func TestRenderRawHTMLDropped(t *testing.T) {
	html := rendering(t, "<script>alert(1)</script>\n\na <b onclick=x>b</b>\n\n```html\n<script>\n```\n\n[x](javascript:x)\n\n![i](javascript:x)")
	assert.NotContains(t, html, "<script>")
	assert.NotContains(t, html, "onclick")
	assert.NotContains(t, html, `"javascript:`)
	assert.Contains(t, html, "&lt;script&gt;")
	assert.Contains(t, html, "raw HTML omitted")
	assert.NotContains(t, rendering(t, "<!-- figures:begin -->\n\ntext\n\n<!-- figures:end -->\n"), "<!--", "markers of generated parts are left out")
}

func TestRenderWideBlocksScroll(t *testing.T) {
	html := rendering(t, "```sh\na && b\n```\n\n| | |\n| --- | :-: |\n| c | d |\n\n| e | f |\n| --- | --- |\n| g | h |\n")
	assert.Contains(t, html, `<pre tabindex="0" role="region" aria-label="Code, sh"><code>a &amp;&amp; b`+"\n</code></pre>")
	assert.Contains(t, html, `<div class="table" tabindex="0" role="region" aria-label="Table"><table>`+"\n<tbody>\n<tr>\n<td>c</td>", "an empty heading is left out")
	assert.Contains(t, html, "<thead><tr>\n<th>e</th>\n<th>f</th>\n</tr></thead>\n<tbody>\n<tr>\n<td>g</td>")
	assert.NotContains(t, html, "style=")
}

func TestRenderGuideWithoutTitleRefused(t *testing.T) {
	for _, markdown := range []string{"", "text", "## Second\n"} {
		_, err := addresses{}.render([]byte(markdown))
		require.ErrorContains(t, err, "heading of level 1")
	}
}
