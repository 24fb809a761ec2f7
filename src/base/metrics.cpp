#include "base/metrics.hpp"

#include <cmath>
#include <variant>

#include <fmt/format.h>

namespace mbx {
namespace {

std::string number_text(double value)
{
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
    return fmt::format("{}", value);
}

std::string escaped_help(const std::string& help)
{
    std::string out;
    for (const char c : help) {
        if (c == '\n') {
            out += "\\n";
        } else if (c == '\\') {
            out += "\\\\";
        } else {
            out += c;
        }
    }
    return out;
}

std::string sample_line(const std::string& name, const std::string& labels, const std::string& value)
{
    return labels.empty() ? name + " " + value + "\n" : name + "{" + labels + "} " + value + "\n";
}

}  // namespace

Histogram::Histogram(std::vector<double> upper_bounds) : bounds_(std::move(upper_bounds)), counts_(bounds_.size() + 1)
{
}

void Histogram::observe(double value)
{
    std::size_t slot = 0;
    while (slot < bounds_.size() && value > bounds_[slot]) ++slot;
    counts_[slot].fetch_add(1, std::memory_order_relaxed);
    double seen = sum_.load(std::memory_order_relaxed);
    while (!sum_.compare_exchange_weak(seen, seen + value, std::memory_order_relaxed)) {
    }
}

std::string Histogram::lines(const std::string& name, const std::string& labels) const
{
    const std::string before = labels.empty() ? std::string() : labels + ",";
    std::string out;
    std::uint64_t total = 0;
    for (std::size_t slot = 0; slot < counts_.size(); ++slot) {
        total += counts_[slot].load(std::memory_order_relaxed);
        const std::string bound = slot < bounds_.size() ? number_text(bounds_[slot]) : "+Inf";
        out += sample_line(name + "_bucket", before + "le=\"" + bound + "\"", std::to_string(total));
    }
    out += sample_line(name + "_sum", labels, number_text(sum_.load(std::memory_order_relaxed)));
    out += sample_line(name + "_count", labels, std::to_string(total));
    return out;
}

struct Metrics::Family {
    using Value = std::variant<std::unique_ptr<Counter>, std::unique_ptr<Gauge>, std::unique_ptr<Histogram>,
                               std::function<double()>>;
    struct Sample {
        std::string labels;
        Value value;
    };

    std::string name;
    std::string help;
    std::string type;
    std::list<Sample> samples;

    Sample* find(const std::string& labels)
    {
        for (Sample& sample : samples) {
            if (sample.labels == labels) return &sample;
        }
        return nullptr;
    }

    // The member with these labels, made when it is new: registering twice gives the same one.
    template <typename Metric, typename... Arguments>
    Metric& member(std::string labels, Arguments&&... arguments)
    {
        Sample* sample = find(labels);
        if (sample == nullptr) {
            samples.push_back({std::move(labels), std::make_unique<Metric>(std::forward<Arguments>(arguments)...)});
            sample = &samples.back();
        }
        return *std::get<std::unique_ptr<Metric>>(sample->value);
    }

    std::string lines(const Sample& sample) const
    {
        if (const auto* counter = std::get_if<std::unique_ptr<Counter>>(&sample.value)) {
            return sample_line(name, sample.labels, std::to_string((*counter)->value()));
        }
        if (const auto* gauge = std::get_if<std::unique_ptr<Gauge>>(&sample.value)) {
            return sample_line(name, sample.labels, std::to_string((*gauge)->value()));
        }
        if (const auto* histogram = std::get_if<std::unique_ptr<Histogram>>(&sample.value)) {
            return (*histogram)->lines(name, sample.labels);
        }
        return sample_line(name, sample.labels, number_text(std::get<std::function<double()>>(sample.value)()));
    }
};

Metrics::Family& Metrics::family(const std::string& name, const std::string& help, const char* type)
{
    for (const auto& known : families_) {
        if (known->name == name) return *known;
    }
    auto made = std::make_shared<Family>();
    made->name = name;
    made->help = help;
    made->type = type;
    families_.push_back(made);
    return *made;
}

Counter& Metrics::counter(std::string name, std::string help, std::string labels)
{
    const std::lock_guard lock(mutex_);
    return family(name, help, "counter").member<Counter>(std::move(labels));
}

Gauge& Metrics::gauge(std::string name, std::string help, std::string labels)
{
    const std::lock_guard lock(mutex_);
    return family(name, help, "gauge").member<Gauge>(std::move(labels));
}

Histogram& Metrics::histogram(std::string name, std::string help, std::vector<double> upper_bounds, std::string labels)
{
    const std::lock_guard lock(mutex_);
    return family(name, help, "histogram").member<Histogram>(std::move(labels), std::move(upper_bounds));
}

void Metrics::gauge_function(std::string name, std::string help, std::function<double()> value, std::string labels)
{
    const std::lock_guard lock(mutex_);
    Family& of = family(name, help, "gauge");
    if (Family::Sample* known = of.find(labels)) {
        known->value = std::move(value);
        return;
    }
    of.samples.push_back({std::move(labels), std::move(value)});
}

std::string Metrics::exposition() const
{
    const std::lock_guard lock(mutex_);
    std::string out;
    for (const auto& known : families_) {
        out += "# HELP " + known->name + " " + escaped_help(known->help) + "\n";
        out += "# TYPE " + known->name + " " + known->type + "\n";
        for (const Family::Sample& sample : known->samples) out += known->lines(sample);
    }
    return out;
}

}  // namespace mbx
