package browser

import (
	_ "embed"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

//go:embed testdata/audit.js
var auditScript string

// visit opens an address on a screen of the width and loads the audit script.
func (b *tab) visit(address string, width int64) {
	b.t.Helper()
	b.resize(width)
	b.do(
		chromedp.Navigate(address),
		chromedp.WaitVisible(chromedp.CSS("main h1, main h2")),
	)
	require.True(b.t, evaluate[bool](b, auditScript))
}

// resize sets the width of the screen.
func (b *tab) resize(width int64) {
	b.t.Helper()
	b.do(command(emulation.SetDeviceMetricsOverride,
		emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 900, DeviceScaleFactor: 1, Mobile: width < 600}))
}

// dark sets whether the browser reports a preference for dark pages.
func (b *tab) dark(preferred bool) {
	b.t.Helper()
	scheme := "light"
	if preferred {
		scheme = "dark"
	}
	b.do(command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}))
}

func evaluate[T any](b *tab, script string) T {
	b.t.Helper()
	value, err := chromedp.Run(b, chromedp.Evaluate[T](script))
	require.NoError(b.t, err, script)
	return value
}

// openAll unfolds every operation of the API reference and waits until all are shown.
func (b *tab) openAll() {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		return evaluate[int](b, "audit.openAll()") == evaluate[int](b, "audit.operations()")
	}, 4*patience, time.Second)
}

// isUsable audits the present state of the page.
func (b *tab) isUsable(width int, state string) {
	b.t.Helper()
	assert.LessOrEqual(b.t, evaluate[int](b, "audit.width()"), width, "%s: the page is wider than the screen", state)
	assert.Empty(b.t, evaluate[[]string](b, "audit.unnamed()"), "%s: controls without a name", state)
	assert.Empty(b.t, evaluate[[]string](b, "audit.skipped()"), "%s: headings that skip a level", state)
	assert.Empty(b.t, evaluate[[]string](b, "audit.faint()"), "%s: texts with too little contrast", state)
	assert.Equal(b.t, "en 1 1", evaluate[string](b,
		`[document.documentElement.lang, document.querySelectorAll("main").length, document.querySelectorAll("nav[aria-label]").length].join(" ")`), state)
}
