package keys

import (
	"net/http"
	"net/url"

	"redrive/api-service/internal/console/pages"
	"redrive/api-service/internal/console/resource"
	"redrive/api-service/internal/console/web"
)

type revokeView struct {
	Key resource.APIKey
	// Created is how many valid keys it has created, directly or through others. There may be more unless Whole.
	Created int
	Whole   bool
	// Own says that the session belongs to the key.
	Own bool
	// Descendants is set if the keys that it has created are to be revoked too.
	Descendants bool
	Wrong       *web.APIError
	Curl        string
}

// askRevoke asks before a key is revoked.
func askRevoke(q *web.Request) error {
	key, err := find(q)
	if err != nil {
		return err
	}
	return ask(q, key, false, nil)
}

// find reads the key in the path.
func find(q *web.Request) (key resource.APIKey, err error) {
	id, err := idOf(q)
	if err != nil {
		return key, err
	}
	err = q.Get(path+"/"+id, nil, &key)
	if failure := web.FailureOf(err); failure != nil && failure.Status == http.StatusNotFound {
		err = web.Refuse(http.StatusNotFound, "There is no such API key", "It does not exist in this organization.")
	}
	return key, err
}

// ask shows the page that asks, beside why the last answer was refused.
func ask(q *web.Request, key resource.APIKey, descendants bool, wrong *web.APIError) error {
	all, whole, err := pages.All[resource.APIKey](q, path)
	if err != nil {
		return err
	}
	view := revokeView{
		Key: key, Created: created(all, key.ID), Whole: whole, Own: q.Session.APIKeyID == key.ID, Descendants: descendants, Wrong: wrong,
		Curl: q.Curl(http.MethodDelete, path+"/"+key.ID, ""),
	}
	status := http.StatusOK
	if wrong != nil {
		status = wrong.Status
	}
	return q.Render(status, revokePage, "Revoke an API key", view)
}

// created counts the valid keys that a key has created, directly or through others.
func created(all []resource.APIKey, id string) int {
	byCreator := map[string][]resource.APIKey{}
	for _, key := range all {
		byCreator[key.CreatedBy] = append(byCreator[key.CreatedBy], key)
	}
	n := 0
	seen := map[string]bool{id: true}
	for creators := []string{id}; len(creators) > 0; creators = creators[1:] {
		for _, key := range byCreator[creators[0]] {
			if seen[key.ID] {
				continue
			}
			seen[key.ID] = true
			creators = append(creators, key.ID)
			if key.State() == "valid" {
				n++
			}
		}
	}
	return n
}

// revoke revokes the key, and with the box that is checked the keys that it has created.
func revoke(q *web.Request) error {
	key, err := find(q)
	if err != nil {
		return err
	}
	descendants := q.Form("descendants") == "true"
	if key.State() == "revoked" && !descendants {
		q.SetFlash(web.Same, "The API key “"+key.Name+"” was revoked before. Nothing was changed.")
		return q.Redirect(q.To("keys"))
	}
	target := path + "/" + key.ID
	if descendants {
		target += "?" + url.Values{"descendants": {"true"}}.Encode()
	}
	if _, err := q.Send(http.MethodDelete, target, nil, nil); err != nil {
		wrong, err := pages.Refused(err)
		if err != nil {
			return err
		}
		return ask(q, key, descendants, wrong)
	}
	q.SetFlash(web.Done, revoked(key, descendants))
	return q.Redirect(q.To("keys"))
}

// revoked says what was revoked.
func revoked(key resource.APIKey, descendants bool) string {
	if descendants {
		return "The API key “" + key.Name + "” is revoked, and so are all keys that it has created."
	}
	return "The API key “" + key.Name + "” is revoked."
}
