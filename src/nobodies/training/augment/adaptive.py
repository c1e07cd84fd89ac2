"""How strong to augment: as much as over-fitting demands.

Source: arXiv:2006.06676, section 3.2: r_t, the mean sign of the discriminator's answer to real pictures, rises toward
1 as it learns them by heart; p follows it up and down to hold r_t at a target.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class AdaptiveStrength:
    """The strength p and the signs seen since it was last adjusted.

    Args:
        p: probability of each transform, 0 to 1.
        sign_sum: sum of the signs of real logits.
        num_signs: how many they were.
        r_t: the mean sign at the last adjustment.
    """

    p: float = 0.0
    sign_sum: float = 0.0
    num_signs: int = 0
    r_t: float = 0.0

    def observe(self, sign_sum: float, num_signs: int) -> "AdaptiveStrength":
        """Take in the signs of another batch."""
        return replace(self, sign_sum=self.sign_sum + sign_sum, num_signs=self.num_signs + num_signs)

    def adjust(self, *, target: float, kimg: float) -> "AdaptiveStrength":
        """Move p one step toward holding r_t at the target.

        Args:
            target: r_t to hold.
            kimg: thousand pictures in which p may go from 0 to 1.
        """
        if not self.num_signs:
            return self
        r_t = self.sign_sum / self.num_signs
        direction = (r_t > target) - (r_t < target)
        p = min(max(self.p + direction * self.num_signs / (kimg * 1000), 0.0), 1.0)
        return AdaptiveStrength(p=p, r_t=r_t)
