package browser

import (
	"fmt"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// The functions of this file find controls by their visible words, as a person does.

// press presses the button or link with these words, or with this name for screen readers. It waits until there is one.
func (b *tab) press(words string) {
	b.t.Helper()
	b.pressNamed(words, fmt.Sprintf(`[e.innerText.trim(), e.ariaLabel].includes(%q)`, words))
}

// pressFirst presses the first button or link whose words have the prefix.
func (b *tab) pressFirst(beginning string) {
	b.t.Helper()
	b.pressNamed(beginning, fmt.Sprintf(`e.innerText.trim().startsWith(%q)`, beginning))
}

func (b *tab) pressNamed(words, condition string) {
	b.t.Helper()
	b.eventually(fmt.Sprintf(`(() => {
		const named = (e) => %s;
		const found = [...document.querySelectorAll("main a, main button, main summary, header a, header button")].find((e) => e.checkVisibility() && named(e));
		if (found) { found.scrollIntoView(); found.click(); }
		return !!found;
	})()`, condition), "nothing to press is called "+words)
}

// write replaces the content of the field with the label.
func (b *tab) write(label, text string) {
	b.t.Helper()
	b.eventually(fmt.Sprintf(`(() => {
		const field = %s(%q);
		if (field) { field.focus(); field.value = %q; field.dispatchEvent(new Event("input", {bubbles: true})); field.dispatchEvent(new Event("change", {bubbles: true})); }
		return !!field;
	})()`, labelled, label, text), "no field is called "+label)
}

// tick ticks the box, or chooses the option, with the label.
func (b *tab) tick(label string) {
	b.t.Helper()
	b.eventually(fmt.Sprintf(`(() => { const field = %s(%q); if (field) field.click(); return !!field; })()`, labelled, label), "no box is called "+label)
}

// labelled is a function that finds the visible control whose label begins with a text.
const labelled = `((text) => {
	const fields = [...document.querySelectorAll("main input, main select, main textarea")].filter((e) => e.type !== "hidden" && e.checkVisibility());
	return fields.find((e) => [...(e.labels ?? [])].some((l) => l.innerText.trim().startsWith(text))) ?? fields.find((e) => e.ariaLabel?.startsWith(text));
})`

// eventually evaluates a script until it is true.
func (b *tab) eventually(script, otherwise string) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		found, err := chromedp.Run(b, chromedp.Evaluate[bool](script)) // An error means that the browser is about to open another page.
		if err == nil && found {
			return
		}
		require.NoError(b.t, b.Err())
	}
	require.Fail(b.t, otherwise, evaluate[string](b, "location.pathname + '\\n' + document.body.innerText"))
}

// at waits until the address has the text in it.
func (b *tab) at(part string) {
	b.t.Helper()
	b.eventually(fmt.Sprintf(`location.href.includes(%q) && document.readyState === "complete"`, part), "the page is not "+part)
}

// withoutScript disables the scripts of pages.
func (b *tab) withoutScript() {
	b.t.Helper()
	b.do(command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
}

// text returns the visible text of the page.
func (b *tab) text() string {
	b.t.Helper()
	return evaluate[string](b, "document.body.innerText")
}
