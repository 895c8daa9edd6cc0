package demo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// This file is the services: as plain as services behind a gateway may be.

// A user is somebody who orders.
type user struct {
	ID    int    `json:"id"`
	Name  string `json:"name"`
	City  string `json:"city"`
	Since string `json:"since"`
}

// A product is something to order.
type product struct {
	ID    string  `json:"id"`
	Name  string  `json:"name"`
	Price float64 `json:"price"`
	Stock int     `json:"stock"`
}

// An order is of one user for one product.
type order struct {
	ID       int       `json:"id"`
	User     int       `json:"user"`
	Product  string    `json:"product"`
	Quantity int       `json:"quantity"`
	Placed   time.Time `json:"placed"`
}

// A shop is the data of all services.
type shop struct {
	people []user
	goods  []product

	mu     sync.Mutex
	placed []order // guarded by mu
}

func newShop() *shop {
	day := func(d int) time.Time { return time.Date(2026, 11, d, 9, 30, 0, 0, time.UTC) }
	return &shop{
		people: []user{
			{1, "Ada Lovelace", "London", "2021-03-04"}, {2, "Grace Hopper", "New York", "2022-07-19"},
			{3, "Lise Meitner", "Vienna", "2023-01-30"}, {4, "Katsuko Saruhashi", "Tokyo", "2024-10-02"},
		},
		goods: []product{
			{"tea", "Darjeeling, 100 g", 7.9, 120}, {"pot", "Teapot, cast iron", 48, 7}, {"cup", "Cup without a handle", 12.5, 40},
			{"whisk", "Bamboo whisk", 19, 0}, {"kettle", "Kettle with a thermometer", 89, 12},
		},
		placed: []order{{1, 2, "pot", 1, day(3)}, {2, 2, "tea", 3, day(3)}, {3, 1, "cup", 2, day(8)}, {4, 4, "kettle", 1, day(15)}},
	}
}

func (s *shop) users() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users", func(w http.ResponseWriter, _ *http.Request) { tell(w, 200, s.people) })
	mux.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) {
		for _, u := range s.people {
			if strconv.Itoa(u.ID) == r.PathValue("id") {
				tell(w, 200, u)
				return
			}
		}
		tell(w, 404, map[string]string{"error": "nobody has this id"})
	})
	return mux
}

func (s *shop) catalog() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /products", func(w http.ResponseWriter, _ *http.Request) { tell(w, 200, s.goods) })
	mux.HandleFunc("GET /products/{id}", func(w http.ResponseWriter, r *http.Request) {
		if p := s.product(r.PathValue("id")); p != nil {
			tell(w, 200, p)
			return
		}
		tell(w, 404, map[string]string{"error": "there is no such product"})
	})
	return mux
}

func (s *shop) product(id string) *product {
	for i := range s.goods {
		if s.goods[i].ID == id {
			return &s.goods[i]
		}
	}
	return nil
}

// orders is one of the servers for orders, which tells its name.
func (s *shop) orders(name string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders", func(w http.ResponseWriter, r *http.Request) { tell(w, 200, s.of(r.URL.Query().Get("user"))) })
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		for _, o := range s.of("") {
			if strconv.Itoa(o.ID) == r.PathValue("id") {
				tell(w, 200, o)
				return
			}
		}
		tell(w, 404, map[string]string{"error": "there is no such order"})
	})
	mux.HandleFunc("POST /orders", s.place)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Served-By", name)
		mux.ServeHTTP(w, r)
	})
}

// of returns the orders of a user, all for "".
func (s *shop) of(user string) []order {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []order{}
	for _, o := range s.placed {
		if user == "" || strconv.Itoa(o.User) == user {
			list = append(list, o)
		}
	}
	return list
}

// mostOrders bounds what the demo remembers.
const mostOrders = 1000

func (s *shop) place(w http.ResponseWriter, r *http.Request) {
	var o order
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&o); err != nil {
		tell(w, 400, map[string]string{"error": "the order is no JSON"})
		return
	}
	if o.User < 1 || o.User > len(s.people) || s.product(o.Product) == nil {
		tell(w, 422, map[string]string{"error": "an order has a user, such as 2, and a product, such as tea"})
		return
	}
	o.Quantity = max(o.Quantity, 1)
	s.mu.Lock()
	o.ID, o.Placed = len(s.placed)+1, time.Now().UTC().Truncate(time.Second)
	full := len(s.placed) >= mostOrders
	if !full {
		s.placed = append(s.placed, o)
	}
	s.mu.Unlock()
	if full {
		tell(w, 507, map[string]string{"error": "the demo takes no more orders"})
		return
	}
	w.Header().Set("Location", fmt.Sprintf("/orders/%d", o.ID))
	tell(w, 201, o)
}

func tell(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // a client that went away is its own affair
}
