#include "directory/refusals.hpp"

#include "directory/schema.hpp"

namespace mbx::directory {

Refusal refuse(RefusalKind kind, std::string attempted, std::string happened, std::string advice)
{
    return {kind, Error{std::move(attempted), std::move(happened), std::move(advice)}};
}

Refusal refuse_storage(std::string attempted, const SqlFailure& failure)
{
    return {RefusalKind::storage, explain(std::move(attempted), failure)};
}

}  // namespace mbx::directory
