package intruders

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"
)

// A listed case is one of the catalogue.
type listed struct {
	ID, Area, Title, Steps, Expect string
}

func catalogue(t *testing.T) (all []listed) {
	t.Helper()
	f, err := os.Open("testdata/catalogue.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var c listed
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

// elsewhere says where cases are shown that are not played here, and later which ones wait for what they are about.
var (
	elsewhere = map[string]string{
		"JWT-023": "TestRotatedKey",
		"KEY-001": "time says nothing on a busy machine: a key is looked up by its keyed hash, so that no byte of it is compared; see identity/key.go",
		"KEY-002": "likewise: identity/password_test.go counts the hashes that are computed for users whom nobody knows",
	}
	later = map[string]string{
		"KEY-006":   "the policy signature comes later",
		"PARSE-011": "there is nothing that reads GraphQL",
		"PARSE-014": "nothing parses multipart",
		"PARSE-015": "compose comes later",
		"PARSE-017": "validate comes later",
	}
)

// TestCatalogue plays every case of the catalogue in the areas of identity and bodies, so that none is forgotten.
func TestCatalogue(t *testing.T) {
	l := newLab(t)
	tokens := hostileTokens(l)
	for _, c := range catalogue(t) {
		t.Run(c.ID, func(t *testing.T) {
			play, attempts := plays[c.ID], tokens[c.ID]
			switch {
			case play == nil && attempts == nil && elsewhere[c.ID] != "":
				t.Log(c.Title, "-", elsewhere[c.ID])
			case play == nil && attempts == nil && later[c.ID] != "":
				t.Log("not yet:", c.Title, "-", later[c.ID])
			case play == nil && attempts == nil && c.Area == "cors/csrf":
				t.Log("played by TestAttacks: ", c.Title)
			case play == nil && attempts == nil:
				t.Errorf("nobody tries %s: %s; want: %s", c.Title, c.Steps, c.Expect)
			default:
				l.tryTokens(t, attempts)
				if play != nil {
					play(t, l)
				}
			}
		})
	}
}

// TestHostileTokens are our own.
func TestHostileTokens(t *testing.T) {
	l := newLab(t)
	for name, attempts := range hostileTokens(l) {
		if name[0] == 'o' {
			t.Run(name, func(t *testing.T) { l.tryTokens(t, attempts) })
		}
	}
}

// plays are the cases that are more than a token.
var plays = map[string]func(t *testing.T, l *lab){
	"JWT-006": nobodyIsAsked, "JWT-010": keyWithoutName, "JWT-024": revoked, "JWT-027": routesDiffer,
	"KEY-003": colons, "KEY-004": keyInQuery, "KEY-005": keysInDisguise, "KEY-007": guessing, "KEY-008": keyStaysHere, "KEY-009": deletedKey,
	"PARSE-002": membersInAnyCase, "PARSE-003": deepJSON, "PARSE-004": longNumbers, "PARSE-005": brokenJSON, "PARSE-009": codings, "PARSE-013": manyParameters,
}
