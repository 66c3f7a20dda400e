"""What a sweep varies: its values, validated before anything runs, and the candidates that they affect."""

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from omegaconf import DictConfig

from pipeline import composition, plan, preflight, runs
from pipeline.plan import BEST, COMBINED, Candidate, PlanError, Stage
from sentiment.evaluation import metrics


def check(overrides: list[str]) -> tuple[list[str], DictConfig]:
    """Validate a sweep; return the names of the swept settings, and the configuration with the first value of each.

    Each value is validated in combination with the first values of the other settings.

    Raises:
        HydraException, OmegaConfBaseException: a setting or alternative does not exist, or not in all combinations.
        PlanError: nothing is swept, no candidate depends on a swept setting, or the sweeper's direction is wrong.
        SettingsError: a value is invalid.
    """
    with initialize_config_dir(version_base="1.3", config_dir=str(runs.PROJECT / "conf")):
        parsed = OverridesParser.create(GlobalHydra.instance().config_loader()).parse_overrides(overrides)
        # hydra.job.env_copy refers to an environment variable that is not set yet.
        parsed = [override for override in parsed if not str(override.key_or_group).startswith("hydra.job.")]
        swept = sorted(composition.key(str(override.input_line)) for override in parsed if override.is_sweep_override())
        if not swept:
            raise PlanError("-m needs a setting with several values, for example train_keras.network.units=32,64.")
        expanded = [with_each_value(override) for override in parsed]
        first = [single_values[0] for single_values in expanded]
        cfg = composition.compose(first)
        preflight.check(cfg)
        require_direction(cfg)
        for position, single_values in enumerate(expanded):
            for value in single_values[1:]:
                preflight.check(composition.compose([*first[:position], value, *first[position + 1 :]]))
        options = [option for option in first if not composition.key(option).startswith("hydra")]
        planned = trained(plan.read(cfg, options), options)
        if unused := [name for name in swept if not affected(planned, options, [name])]:
            raise PlanError(f"No candidate of the plan depends on {', '.join(unused)}: sweep another setting.")
    return swept, cfg


def with_each_value(override: Override) -> list[str]:
    """Return one override per value; for a numeric range, only its start, since all values are of the same kind."""
    value = override.value()
    if isinstance(value, IntervalSweep | RangeSweep):
        return [f"{override.get_key_element()}={value.start}"]
    if override.is_sweep_override():
        return [f"{override.get_key_element()}={value}" for value in override.sweep_string_iterator()]
    return [str(override.input_line)]


def require_direction(cfg: DictConfig) -> None:
    """Check that a search optimises the metric in the right direction.

    Raises:
        PlanError: it does not.
    """
    direction = cfg.hydra.sweeper.get("direction")
    metric = cfg.select.metric
    required = "maximize" if metrics.HIGHER_IS_BETTER[metric] else "minimize"
    if direction is not None and getattr(direction, "name", direction) != required:
        raise PlanError(f"select.metric={metric} must be {required}d: set hydra.sweeper.direction={required}.")


def trained(stages: list[Stage], overrides: list[str]) -> list[Candidate]:
    """Return the candidates of the plan that do not depend on other candidates."""
    return [
        plan.candidate(stage, spec, overrides, {})
        for stage in stages
        for spec in stage.candidates
        if spec.step not in (BEST, *COMBINED) and spec.teacher is None
    ]


def affected(candidates: list[Candidate], overrides: list[str], swept: list[str]) -> list[Candidate]:
    """Return the candidates that depend on the swept settings."""
    values = [override for override in overrides if composition.key(override) in swept]
    return [candidate for candidate in candidates if plan.depends(candidate, values)]
