// Which handler answers which method and path. Built once at start, then read only. Loop thread.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "co/task.hpp"
#include "http/request.hpp"
#include "http/response.hpp"

namespace mbx::http {

// The request lives until the task is done: the server awaits it at once.
using Handler = std::function<co::Task<Response>(const Request&)>;

class Router {
public:
    // `pattern` is "/api/v1/accounts/{address}": a segment in braces takes any one segment under that name.
    // A fixed segment wins over a named one. Adding the same method and pattern twice is a bug (asserted).
    void add(Method method, std::string pattern, Handler handler);

    struct Match {
        const Handler* handler = nullptr;  // null: see `allow`
        std::string allow;  // the methods of that path for a 405; empty: 404
        std::vector<std::pair<std::string, std::string>> parameters;
    };
    // HEAD finds GET's handler (RFC 9110 section 9.3.2).
    Match find(Method method, const std::vector<std::string>& segments) const;

    struct Route {
        Method method;
        std::string pattern;
    };
    // Every route there is, in the order of adding: for the contract test of the API's document.
    std::vector<Route> routes() const;

private:
    struct Entry {
        Method method;
        std::string pattern;
        std::vector<std::string> segments;
        Handler handler;
    };
    static bool matches(const Entry& entry, const std::vector<std::string>& segments);
    std::vector<Entry> entries_;
};

}  // namespace mbx::http
